"""Speak DICOM over associations: `acceptor.Acceptor` receives, `scu.echo` and `store_scu.send_files` call.

The only room that opens a socket or imports pynetdicom. `admission` says who may connect, `filing` writes
what arrives into files, `interface` holds the values that pass between an acceptor and its owner.
"""
