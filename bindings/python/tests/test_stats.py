"""The figures of a server and of its workers."""

import json
import unittest

import forker
from program import Program


class StatsTest(unittest.TestCase):
    def test_a_server_that_never_ran_has_none(self):
        with forker.Server() as server:
            for call in (server.stats, lambda: server.worker_stats(0)):
                with self.assertRaises(forker.Error) as caught:
                    call()
                self.assertEqual(caught.exception.code, forker.E_STATE)
            with self.assertRaises(IndexError):
                server.worker_stats(-1)

    def test_figures_are_seen_by_a_worker_and_after_the_run(self):
        source = """
import dataclasses, json
server = make_server(workers=2)
@server.get("/stats")
def stats(request):
    return dataclasses.asdict(server.stats())
@server.get("/worker")
def worker(request):
    try:
        server.worker_stats(2)
    except IndexError as exc:
        beyond = str(exc)
    return dataclasses.asdict(server.worker_stats(request.worker)) | {"beyond": beyond, "my_pid": os.getpid()}
server.run()
print(json.dumps(dataclasses.asdict(server.stats())), flush=True)
"""
        with Program(source) as program:
            program.wait_ready()
            program.wait_ready()
            self.assertEqual(program.request("GET", "/missing")[0], 404)
            stats = json.loads(program.request("GET", "/stats")[2])
            self.assertEqual((stats["workers"], stats["slots"], stats["worker_starts"]), (2, 2, 2))
            self.assertEqual((stats["requests"], stats["responses"][4]), (2, 1))
            self.assertIn(stats["phase"], ("starting", "serving"))
            self.assertGreater(stats["uptime"], 0)
            self.assertEqual(len(stats["latency"]), 40)

            worker = json.loads(program.request("GET", "/worker?a=1")[2])
            self.assertEqual((worker["method"], worker["target"]), ("GET", "/worker?a=1"))
            self.assertEqual((worker["pid"], worker["state"]), (worker["my_pid"], "ready"))
            self.assertEqual(worker["beyond"], "there is no worker 2")
            self.assertGreater(worker["rss"], 1 << 20)

            self.assertEqual(program.stop(), 0)
            last = json.loads(program.out.wait_for_end()[-1])
            self.assertEqual((last["phase"], last["worker_exits"]["stop"], last["requests"]), ("stopping", 2, 3))


if __name__ == "__main__":
    unittest.main()
