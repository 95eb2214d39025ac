"""The kinds of results: each is one room here and one line in `registry`.

What a kind is stands in `kind`. A room says what the objects of its kind are made from; how such an object
is written is said in `dicom_io.objects` and `sr_templates`. Its name is one line in
`daemon.store.values.ResultKind`, from which `[[destinations]] results` takes what may be asked for.
"""
