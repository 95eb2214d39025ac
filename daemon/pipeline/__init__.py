"""This package makes reports, from the store and from files on disk alike.

`stored` and `files` each make a `reportable.ReportableStudy`; `reportable.judged` folds it into one finding;
`building` makes the results of that, of every kind in `kinds`.
"""
