"""HTTPS, and the certificates of clients."""

import contextlib
import hashlib
import http.client
import json
import pathlib
import ssl
import subprocess
import tempfile
import unittest

import forker
from program import TIMEOUT, Program

TOOL = pathlib.Path(__file__).parents[3] / "tools" / "dev-certificate"

SOURCE = """
server = forker.Server(workers={workers})
server.{certificate}
server.client_ca("{dir}/joe.pem")
server.listen("127.0.0.1:0?tls=on&client_cert=optional")
server.worker_init(lambda worker: told("ready", server.address(0)))
@server.get("/")
def facts(request):
    tls = request.tls._asdict()
    tls["client_der"] = tls["client_der"] and tls["client_der"].hex()
    return {{"scheme": request.scheme, **tls}}
server.run()
"""


class TLSTest(unittest.TestCase):
    def setUp(self):
        self.dir = self.enterContext(tempfile.TemporaryDirectory())
        for name in ("localhost", "joe"):
            subprocess.run([TOOL, name], cwd=self.dir, check=True, stdout=subprocess.DEVNULL)

    def facts(self, program, client=None):
        context = ssl.create_default_context(cafile=f"{self.dir}/localhost.pem")
        context.set_alpn_protocols(["http/1.1"])
        if client is not None:
            context.load_cert_chain(f"{self.dir}/{client}.pem", f"{self.dir}/{client}.key")
        port = int(program.address.rpartition(":")[2])
        with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=TIMEOUT, context=context)) as c:
            c.request("GET", "/")
            return json.loads(c.getresponse().read())

    def check(self, workers, certificate):
        with Program(SOURCE.format(workers=workers, certificate=certificate, dir=self.dir)) as program:
            program.wait_ready()
            facts = self.facts(program)
            self.assertEqual(facts["scheme"], "https")
            self.assertEqual((facts["version"], facts["alpn"], facts["resumed"]), ("TLS 1.3", "http/1.1", False))
            self.assertIsNone(facts["client_subject"])
            facts = self.facts(program, "joe")
            der = bytes.fromhex(facts["client_der"])
            self.assertEqual(facts["client_subject"], "CN=joe")
            self.assertEqual(facts["client_sha256"], hashlib.sha256(der).hexdigest())
            self.assertEqual(facts["client_names"], ["DNS:joe", "IP:127.0.0.1", "IP:::1"])
            self.assertEqual(facts["client_chain_pem"], pathlib.Path(self.dir, "joe.pem").read_text())
            self.assertEqual(program.stop(), 0)

    def test_files(self):
        self.check(1, f'certificate("{self.dir}/localhost.pem", "{self.dir}/localhost.key")')

    def test_memory_in_the_programs_own_process(self):
        texts = [pathlib.Path(self.dir, f"localhost.{kind}").read_bytes() for kind in ("pem", "key")]
        self.check(0, f'certificate_pem("mine", {texts[0]!r}, {texts[1]!r})')

    def test_what_is_wrong_is_said(self):
        with forker.Server() as server:
            for call, text in (
                (lambda: server.certificate(f"{self.dir}/none", f"{self.dir}/joe.key"), "No such file"),
                (lambda: server.certificate(f"{self.dir}/joe.key", f"{self.dir}/joe.key"), "no certificate"),
                (lambda: server.certificate_pem("mine", b"text", b""), "certificate mine: there is no certificate"),
                (lambda: server.client_ca(f"{self.dir}/joe.key"), "no certificate"),
            ):
                with self.assertRaises(forker.Error) as caught:
                    call()
                self.assertEqual(caught.exception.code, forker.E_CERTIFICATE)
                self.assertIn(text, str(caught.exception))
            with self.assertRaisesRegex(forker.Error, "certificate mine is not there; give it first"):
                server.certificate_ocsp("mine", f"{self.dir}/none")
            own = f"{self.dir}/joe.pem"
            server.certificate(own, f"{self.dir}/joe.key")
            with self.assertRaisesRegex(forker.Error, "OCSP response .*/none: No such file"):
                server.certificate_ocsp(own, f"{self.dir}/none")


if __name__ == "__main__":
    unittest.main()
