"""A form in a browser, by which files are uploaded.

Start it with ``python3 examples/form.py [address [directory]]``, then open http://localhost:8080/, or::

    curl -F from=me -F file=@some.txt http://localhost:8080/      # has it written to some.txt in the directory
"""

import sys
import tempfile
from pathlib import Path

import forker

PAGE = """<!doctype html><title>Upload</title><form method=post enctype=multipart/form-data>
<label>From <input name=from></label> <input type=file name=file multiple> <button>Upload</button></form>
"""

server = forker.Server()
directory = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="form-"))


@server.get("/")
def page(request):
    return forker.Response(200, PAGE, content_type="text/html; charset=utf-8")


# A body that large is in a file, where it stays: see option body_buffer, and upload.py for what is larger still.
@server.post("/", max_body="1g", form_files="1g")
def upload(request):
    files = [file for file in request.files.get_all("file") if file.filename]  # "": a browser in which none was chosen
    for file in files:
        if not file.basename or file.basename.startswith("."):
            return 400, "not a name for a file\n"
        try:
            file.save(directory / file.basename)
        except FileExistsError:
            return 409, f"{file.basename} is there already\n"
    return 201, f"{len(files)} files from {request.form.get('from', 'nobody')}\n"


try:
    server.listen(sys.argv[1] if len(sys.argv) > 1 else ":8080")
except forker.Error as error:  # taken, for example
    sys.exit(str(error))
print("serving on", server.address(0), "into", directory, flush=True)
server.run()
