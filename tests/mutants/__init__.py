"""The code broken in known ways, each in a patch beside this file, and the test that must see it.

`make mutants` applies one patch after the other to a copy of the tree, and runs the test that the patch
names: it must fail, and pass without the patch. A patch begins with a sentence that says what is broken, then
`Test: tests/...py::test_name`.
"""
