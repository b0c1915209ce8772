"""Functions that are posted to the main thread."""

import unittest

import forker
from program import THREAD, Program, each_mode


class PostTest(unittest.TestCase):
    @each_mode
    def test_functions_are_called_where_handlers_run(self, serve):
        source = (
            THREAD
            + serve
            + """
@server.get("/here")
def here(request):
    deferred, thread = request.defer(), threading.get_ident()
    def tell():
        told("first")
        server.call_soon(lambda: told("second"))
        deferred.respond(str(threading.get_ident() == thread))
    jobs.put(lambda: server.call_soon(tell))
    return deferred
@server.get("/fails")
def fails(request):
    server.call_soon(lambda: 1 // 0)
    return "posted"
server.worker_init(start_thread)
server.run()
try:
    server.call_soon(print)
except forker.Error as error:
    told("refused", error.code)
"""
        )
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/here")[2], b"True")
            program.out.wait_for("first")
            program.out.wait_for("second")
            self.assertEqual(program.get("/fails")[2], b"posted")
            program.log.wait_for("call_soon: the function failed")
            program.log.wait_for("ZeroDivisionError")
            self.assertEqual(program.stop(), 0)
            self.assertIn(f"refused {forker.E_STATE}", program.out.seen)


if __name__ == "__main__":
    unittest.main()
