"""Speak DICOM over associations: `acceptor.Acceptor` receives, `scu.echo` and `store_scu.send_files` call.

The only room that opens a socket or imports pynetdicom. `admission` says who may connect, `filing` writes
what arrives into files, `interface` holds the values that pass between an acceptor and its owner.

Where pynetdicom's interface does not suffice, these modules reach below it, and say why where they do:
`acceptor` (its server's end), `connection` (an association outside its server), `filing` (data sets into
files), `responses` (whose a response is, when to give up), `scu` (the socket of a new association),
`transport` (sockets, options, log records).
`tests/dicom_io/network/test_pynetdicom_contract.py` holds what they rely on.
"""
