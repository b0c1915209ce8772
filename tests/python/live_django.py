"""Runs Django's tests, in whose directory it is called, with the live server that FORKER_SUITE_SERVER names."""

import os
import runpy

from django.test import testcases

if os.environ["FORKER_SUITE_SERVER"] == "forker":
    from forker.testing.django import LiveServerThread

    testcases.LiveServerTestCase.server_thread_class = LiveServerThread

runpy.run_path("runtests.py", run_name="__main__")
