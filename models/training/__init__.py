"""Trains members from labeled radiographs and puts them into a bundle.

The data goes one way: `recipe` says how, `sampling` which sample comes when, `views` makes a sample a
network's input, `targets` its labels, `objective` weighs the answer, `trainer` takes the steps, `checkpoint`
keeps them, and `run` goes through the members and writes the bundle.
"""
