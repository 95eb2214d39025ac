"""Speak DICOM: headers, pixels, associations, and the objects we send back.

Every exception of this room answers one question, whether to try again, by its branch; the classes are
in ``dicom_io.errors``::

    DicomIoError
    +-- Permanent                        trying again gives the same answer
    |   +-- UnusableInstance             about one instance; carries its defect
    |   |   +-- NotDicom                 no Part 10 file, or bytes that are no data set
    |   |   +-- TruncatedDataSet         the header ends before its last element does
    |   |   +-- MissingUid               a UID without which the instance has no place
    |   |   +-- InvalidUid               a UID that is no UID
    |   |   +-- UndecodablePixels        the pixel data cannot become an image
    |   +-- VocabularyInvalid            a site's file of words that cannot be used
    |   +-- NoPresentationContext        the peer accepted no context for the instance
    |   +-- AssociationRejectedForGood   (also AssociationRejected)
    |   +-- StoreRefusedForGood          (also StoreRefused)
    |   +-- EchoRefused                  a C-ECHO status that is not success
    +-- Transient                        the same call may succeed later
    |   +-- DecodingInterrupted          the machine ended the process that was decoding
    |   +-- PeerUnreachable              no TCP connection, or the TLS handshake failed
    |   +-- AssociationAborted           the peer, the network or a timeout ended the association
    |   +-- AssociationRejectedForNow    (also AssociationRejected)
    |   +-- StoreRefusedForNow           (also StoreRefused)
    +-- PeerError                        either branch: about a peer; carries its fault
    +-- AssociationRejected              either branch: A-ASSOCIATE-RJ, with its result, source, reason
    +-- StoreRefused                     either branch: a C-STORE failure status
"""
