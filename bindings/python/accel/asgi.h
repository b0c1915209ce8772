/* What the files of forker.asgi in C share. What each does is the same as in Python: core.py, loop.py, turn.py. */
#ifndef ASGI_H
#define ASGI_H

#include "accel.h"

/* How far a response has come; the numbers of core.py. */
enum { ACCEL_NONE, ACCEL_STARTED, ACCEL_STREAMS, ACCEL_TRAILS, ACCEL_COMPLETE };

enum { ACCEL_OK = 0, ACCEL_DEFERRED = 2 };

/* What is the same for all requests to an application in a process. */
typedef struct {
    PyObject_HEAD PyObject *mounted; /* forker.asgi.application.Mounted */
    PyObject *kind;                  /* the class of exchanges */
    PyObject *application;           /* ASGI's */
    PyObject *base;                  /* what all scopes have; None: Python makes them */
    PyObject *server;                /* the scope's */
    PyObject *extensions;            /* their names */
    PyObject *names;                 /* of fields: what they are in lower case, */
    PyObject *lower;                 /* and the function for others */
    PyObject *state;                 /* of the lifespan; None: there is none */
    PyObject *loop;
    PyObject *attributes; /* of the loop: its dict; NULL: it has none */
    PyObject *run;        /* of the context that tasks begin with */
    PyObject *tasks;      /* those that have not ended, by exchange */
    PyObject *late;       /* exchanges that begin at the end of this turn, if they have not before */
    PyObject *start;      /* the arguments of run: asyncio.Task, and the place of a coroutine, */
    PyObject *named;      /* and {"loop": loop} */
    PyObject *calls;      /* notes what the loop is to call soon */
} accel_entry;

/* One request on its way. Its members are those of core.Core, by which Python knows them. */
typedef struct {
    PyObject_HEAD accel_entry *entry;
    PyObject *mounted;
    PyObject *scope;
    PyObject *pieces;
    PyObject *waiters;
    PyObject *length;
    unsigned long long address;
    unsigned long long handle;
    unsigned long long sent;
    Py_ssize_t held;
    int state;
    int status;
    char is_head;
    char has_begun; /* its task */
    char is_inside;
    char has_all;
    char is_reading;
    char is_read;
    char is_paused;
    char is_lost;
    char has_left;
    char trails;
    char has_ended; /* its task */
} accel_exchange;

forker_request *accel_request_of(const accel_exchange *exchange);

/* A scope; None if Python has to make it. NULL: an exception is set. */
PyObject *accel_scope(const accel_entry *entry, forker_request *req);

/* Serves a request, which `scope` describes, up to where its task waits. Returns what a C handler does; -1: an exception is set. */
long accel_begin(accel_entry *entry, forker_request *req, PyObject *scope);

/* Has the task of an exchange take its first step. -1: an exception is set. */
int accel_start(accel_exchange *exchange);

/* The coroutine of an exchange's task. Before the first, prepare finds what it needs of asyncio; -1: an exception is set. */
PyObject *accel_turns(accel_exchange *exchange);
int accel_turns_prepare(void);

/* What an application is called with, and what receive() and send() return. */
PyObject *accel_receive_of(accel_exchange *exchange);
PyObject *accel_send_of(accel_exchange *exchange);

/* All that wait look again. With `at_once`, tasks among them go on before this returns. -1: an exception is set. */
int accel_wake(accel_exchange *exchange, bool at_once);

/*
 * Between begin and end, what a loop is asked to call soon is noted instead; then it is called. begin fails without an
 * exception if the loop does not allow that. -1: an exception is set. What is called is called by `call_program`, whose
 * frame tells forker.signals that it is the program's code.
 */
bool accel_calls_begin(accel_entry *entry);
int accel_calls_end(accel_entry *entry);
PyObject *accel_calls_new(PyObject *loop, PyObject *call_program);

#endif
