"""The greeting of the modes for Python, by Flask."""

import flask

application = flask.Flask("greeting")


@application.route("/")
def greet():
    return flask.Response("greeting!!!", mimetype="text/plain")
