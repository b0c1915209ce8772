"""Runs Django's tests, in whose directory it is called, with the live server that FORKER_SUITE_SERVER names."""

import os
import runpy
import sys

from django.test import testcases

if os.environ["FORKER_SUITE_SERVER"] == "forker":
    from forker.testing.django import LiveServerThread

    testcases.LiveServerTestCase.server_thread_class = LiveServerThread

sys.path.insert(0, os.getcwd())
runpy.run_path("runtests.py", run_name="__main__")
