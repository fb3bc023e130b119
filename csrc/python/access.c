/* The type embedcnn._core.Access: who may use a model at the same time.
 *
 * A lease is taken by `with` and given back at its end. `training()`: one thread; a second one is refused.
 * `changing()`: whoever writes weights, alone, for a single step. `reading()`: whoever reads them, `limit` threads at
 * most. Changing and reading wait for each other in the order of their coming. A thread that has a lease gets more of
 * what it covers. Taking a lease and noting its owner is one call of C, and a lease that is dropped is given back, so
 * that no signal can come between. All state is guarded by the interpreter's lock. */
#include "python/module.h"

#include <pthread.h>
#include <stdatomic.h>
#include <structmember.h>

enum kind {
    TRAINING,
    CHANGING,
    READING
};
enum held {
    NOT_HELD,
    ENTERING, /* by a thread that waits for its turn */
    HELD,
    COVERED /* by another lease of the same thread */
};

struct waiter {
    struct waiter *next;
    PyThread_type_lock sleep; /* released by whoever admits the waiter */
    unsigned long thread;
    enum kind kind;
    int admitted;
};

typedef struct {
    PyObject_HEAD PyObject *name;
    unsigned long trainer, writer; /* threads; 0: none */
    unsigned long *readers;        /* [limit] */
    int reader_count, limit;
    struct waiter *first;
    unsigned forks;
} access_object;

typedef struct {
    PyObject_HEAD access_object *access;
    enum kind kind;
    enum held held;
    unsigned long thread;
} lease_object;

static PyTypeObject *lease_type;
static _Atomic unsigned forks;         /* of this process and those before it */
static _Atomic unsigned long survivor; /* the thread that forked, the only one that goes on in the child */

static void in_child(void)
{
    atomic_store(&survivor, PyThread_get_thread_ident());
    atomic_fetch_add(&forks, 1);
}

/* Leases of threads that a fork has left behind in the parent are nobody's. */
static void forget_lost_threads(access_object *self)
{
    unsigned now = atomic_load(&forks);
    if (self->forks == now) {
        return;
    }
    unsigned long left = atomic_load(&survivor);
    int kept = 0;
    for (int i = 0; i < self->reader_count; i++) {
        if (self->readers[i] == left) {
            self->readers[kept++] = left;
        }
    }
    self->reader_count = kept;
    self->trainer = self->trainer == left ? left : 0;
    self->writer = self->writer == left ? left : 0;
    self->first = NULL;
    self->forks = now;
}

static int reads(const access_object *self, unsigned long thread)
{
    for (int i = 0; i < self->reader_count; i++) {
        if (self->readers[i] == thread) {
            return 1;
        }
    }
    return 0;
}

/* Admits a thread if nobody is in its way. */
static int admit(access_object *self, enum kind kind, unsigned long thread)
{
    if (self->writer || (kind == CHANGING ? self->reader_count : self->reader_count >= self->limit)) {
        return 0;
    }
    if (kind == CHANGING) {
        self->writer = thread;
    } else {
        self->readers[self->reader_count++] = thread;
    }
    return 1;
}

/* Admits those who wait, in the order of their coming, as far as that is possible. */
static void admit_waiting(access_object *self)
{
    while (self->first && admit(self, self->first->kind, self->first->thread)) {
        struct waiter *waiter = self->first;
        self->first = waiter->next;
        waiter->admitted = 1;
        PyThread_release_lock(waiter->sleep);
    }
}

static void give_back(access_object *self, enum kind kind, unsigned long thread)
{
    forget_lost_threads(self);
    if (kind == TRAINING) {
        self->trainer = self->trainer == thread ? 0 : self->trainer;
        return;
    }
    if (kind == CHANGING && self->writer == thread) {
        self->writer = 0;
    }
    for (int i = 0; kind == READING && i < self->reader_count; i++) {
        if (self->readers[i] == thread) {
            self->readers[i] = self->readers[--self->reader_count];
            break;
        }
    }
    admit_waiting(self);
}

static void leave_queue(access_object *self, struct waiter *waiter)
{
    for (struct waiter **place = &self->first; *place; place = &(*place)->next) {
        if (*place == waiter) {
            *place = waiter->next;
            return;
        }
    }
}

/* Waits for its turn; 0, or -1 with what a signal has raised. */
static int wait_for_turn(access_object *self, enum kind kind, unsigned long thread)
{
    struct waiter waiter = {.sleep = PyThread_allocate_lock(), .thread = thread, .kind = kind};
    if (!waiter.sleep) {
        PyErr_NoMemory();
        return -1;
    }
    PyThread_acquire_lock(waiter.sleep, NOWAIT_LOCK);
    struct waiter **last = &self->first;
    while (*last) {
        last = &(*last)->next;
    }
    *last = &waiter;
    int failed = 0;
    while (!waiter.admitted && !failed) {
        Py_BEGIN_ALLOW_THREADS;
        PyThread_acquire_lock_timed(waiter.sleep, -1, 1);
        Py_END_ALLOW_THREADS;
        failed = !waiter.admitted && PyErr_CheckSignals() < 0;
    }
    if (failed && waiter.admitted) { /* while the signal's handler ran */
        give_back(self, kind, thread);
    } else if (failed) {
        leave_queue(self, &waiter);
        admit_waiting(self); /* it may have stood in the way of others */
    }
    PyThread_release_lock(waiter.sleep);
    PyThread_free_lock(waiter.sleep);
    return failed ? -1 : 0;
}

static int refused(const access_object *self)
{
    PyErr_Format(PyExc_RuntimeError,
                 "Model %R is in use by another thread, which trains, evaluates or changes it: one thread at a time. "
                 "Any number of threads may predict beside it",
                 self->name);
    return -1;
}

/* What a lease is after an attempt to take it; -1 with an exception. */
static int take(access_object *self, enum kind kind, unsigned long thread)
{
    forget_lost_threads(self);
    if (kind == TRAINING) {
        if (self->trainer) {
            return self->trainer == thread ? COVERED : refused(self);
        }
        self->trainer = thread;
        return HELD;
    }
    int own = reads(self, thread);
    if (self->writer == thread || (own && kind == READING)) {
        return COVERED;
    }
    if (own) {
        PyErr_Format(PyExc_RuntimeError,
                     "Model %R is predicting in this thread: its weights cannot change before that has ended",
                     self->name);
        return -1;
    }
    if (!self->first && admit(self, kind, thread)) {
        return HELD;
    }
    return wait_for_turn(self, kind, thread) < 0 ? -1 : HELD;
}

static PyObject *lease_enter(PyObject *object, PyObject *Py_UNUSED(ignored))
{
    lease_object *self = (lease_object *)object;
    if (self->held != NOT_HELD) {
        PyErr_SetString(PyExc_RuntimeError, "a lease is entered once");
        return NULL;
    }
    self->held = ENTERING; /* while this thread waits, the lock of the interpreter is free */
    self->thread = PyThread_get_thread_ident();
    int held = take(self->access, self->kind, self->thread);
    self->held = held < 0 ? NOT_HELD : (enum held)held;
    return held < 0 ? NULL : Py_NewRef(Py_None);
}

static void end_lease(lease_object *self)
{
    if (self->held == HELD) {
        give_back(self->access, self->kind, self->thread);
    }
    self->held = self->held == ENTERING ? ENTERING : NOT_HELD;
}

static PyObject *lease_exit(PyObject *object, PyObject *const *Py_UNUSED(args), Py_ssize_t Py_UNUSED(count))
{
    end_lease((lease_object *)object);
    return Py_NewRef(Py_None);
}

static void lease_dealloc(PyObject *object)
{
    lease_object *self = (lease_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    end_lease(self);
    Py_DECREF(self->access);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *lease_of(PyObject *access, enum kind kind)
{
    lease_object *lease = (lease_object *)lease_type->tp_alloc(lease_type, 0);
    if (lease) {
        lease->access = (access_object *)Py_NewRef(access);
        lease->kind = kind;
    }
    return (PyObject *)lease;
}

static PyObject *access_training(PyObject *self, PyObject *Py_UNUSED(ignored)) { return lease_of(self, TRAINING); }
static PyObject *access_changing(PyObject *self, PyObject *Py_UNUSED(ignored)) { return lease_of(self, CHANGING); }
static PyObject *access_reading(PyObject *self, PyObject *Py_UNUSED(ignored)) { return lease_of(self, READING); }

static PyObject *access_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "limit", NULL};
    PyObject *name;
    int limit;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "Ui:Access", names, &name, &limit)) {
        return NULL;
    }
    if (limit < 1) {
        return PyErr_Format(PyExc_ValueError, "limit must be a positive integer. Received: limit=%d", limit);
    }
    access_object *self = (access_object *)type->tp_alloc(type, 0);
    if (!self) {
        return NULL;
    }
    self->name = Py_NewRef(name);
    self->limit = limit;
    self->forks = atomic_load(&forks);
    self->readers = PyMem_Calloc((size_t)limit, sizeof *self->readers);
    if (!self->readers) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void access_dealloc(PyObject *object)
{
    access_object *self = (access_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(self->readers);
    Py_XDECREF(self->name);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *access_waiting(PyObject *object, void *Py_UNUSED(closure))
{
    access_object *self = (access_object *)object;
    long count = 0;
    forget_lost_threads(self);
    for (const struct waiter *waiter = self->first; waiter; waiter = waiter->next) {
        count++;
    }
    return PyLong_FromLong(count);
}

static PyMethodDef lease_methods[] = {
    {"__enter__", lease_enter, METH_NOARGS, "__enter__($self, /)\n--\n\nTakes the lease, after those before it."},
    {"__exit__", __extension__(PyCFunction)(void (*)(void))(lease_exit), METH_FASTCALL,
     "__exit__($self, *exc_info)\n--\n\nGives it back."},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef access_methods[] = {
    {"training", access_training, METH_NOARGS,
     "training($self, /)\n--\n\nA lease for one thread; RuntimeError where another one has it."},
    {"changing", access_changing, METH_NOARGS, "changing($self, /)\n--\n\nA lease to write weights: nobody beside it."},
    {"reading", access_reading, METH_NOARGS, "reading($self, /)\n--\n\nA lease to read weights, beside others."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef access_members[] = {
    {"limit", T_INT, offsetof(access_object, limit), READONLY, "How many threads may read at once."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef access_getters[] = {
    {"waiting", access_waiting, NULL, "How many threads wait for their turn.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot lease_slots[] = {
    {Py_tp_dealloc, __extension__(void *) lease_dealloc},
    {Py_tp_methods, lease_methods},
    {Py_tp_doc, "What Access gives: a context."},
    {0, NULL},
};

static PyType_Slot access_slots[] = {
    {Py_tp_new, __extension__(void *) access_new},
    {Py_tp_dealloc, __extension__(void *) access_dealloc},
    {Py_tp_methods, access_methods},
    {Py_tp_members, access_members},
    {Py_tp_getset, access_getters},
    {Py_tp_doc, "Access(name, limit)\n--\n\nWho may use a model at the same time, by leases of three kinds."},
    {0, NULL},
};

static PyType_Spec lease_spec = {
    .name = "embedcnn._core.Lease",
    .basicsize = sizeof(lease_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = lease_slots,
};

static PyType_Spec access_spec = {
    .name = "embedcnn._core.Access",
    .basicsize = sizeof(access_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = access_slots,
};

static void watch_forks(void) { pthread_atfork(NULL, NULL, in_child); }

int ec_python_add_access(PyObject *module)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    lease_type = (PyTypeObject *)PyType_FromSpec(&lease_spec);
    PyObject *type = lease_type ? PyType_FromSpec(&access_spec) : NULL;
    int result = type && PyModule_AddObjectRef(module, "Lease", (PyObject *)lease_type) == 0
                     ? PyModule_AddObjectRef(module, "Access", type)
                     : -1;
    Py_XDECREF(type);
    return result;
}
