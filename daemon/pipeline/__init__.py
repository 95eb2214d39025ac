"""This package makes reports, from the store and from files on disk alike.

`stored` makes a `reportable.ReportableStudy` of a study in the store; `files` analyzes files, and `gathering`
makes one of those of a study. `reportable.judged` folds it into one finding; `building` makes the results of
that, of every kind in `kinds`.
"""
