"""libpurple's bonjour protocol without a display, driven over ctypes: no development files, no C compiler.

driver.py serve SOCKET USER@MACHINE FOLDER   the peer; offline at first. It prints "ready" when SOCKET answers.
driver.py ask SOCKET announce                comes online
driver.py ask SOCKET withdraw                goes offline
driver.py ask SOCKET status STATUS TEXT      available, away, dnd ...; TEXT may be empty
driver.py ask SOCKET message TO TEXT         says TEXT to TO, over a new stream if there is none
driver.py ask SOCKET close TO                closes the conversation, and with it the stream
driver.py ask SOCKET icon FILE               takes the image as its buddy icon
driver.py ask SOCKET private                 takes name, address and JID out of what is published from the next announce on
driver.py ask SOCKET list                    who is online: a JSON object a line
driver.py ask SOCKET watch                   what happens, from the start of the peer on: a JSON object a line, without end

Events: {"event": "online" | "status", "peer", "status", "text"}, {"event": "offline", "peer"}, {"event": "message", "peer", "text"},
{"event": "self-online"}, {"event": "self-offline"}, {"event": "error", "text"}.
"""
import json
import os
import socket
import sys


def ask(path, words):
    """One request; prints what comes back as long as it comes. A first line that is an error goes to stderr, exit code 1;
    69 (EX_UNAVAILABLE) if libpurple has no such thing."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(json.dumps(words).encode() + b"\n")
        for line in connection.makefile("rb"):
            if line.startswith(b"?"):
                sys.exit(69)
            if line.startswith(b"!"):
                sys.exit(line[1:].decode().strip())
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


if sys.argv[1] == "ask":
    try:
        ask(sys.argv[2], sys.argv[3:])
    except BrokenPipeError:
        # Nobody listens any more; without what the interpreter would still write, and say about it.
        os._exit(1)
    sys.exit()

import ctypes as C

_, _, SOCKET, NAME, FOLDER = sys.argv
UI = b"xmppspec"
PROTOCOL = b"prpl-bonjour"
os.makedirs(FOLDER, exist_ok=True)

purple = C.CDLL("libpurple.so.0", mode=C.RTLD_GLOBAL)
glib = C.CDLL("libglib-2.0.so.0")
POINTER, STRING, INT, UINT = C.c_void_p, C.c_char_p, C.c_int, C.c_uint


def function(name, result, *arguments, library=purple):
    f = getattr(library, name)
    f.restype, f.argtypes = result, list(arguments)
    return f


# --- The event loop: libpurple asks for watches on descriptors, GLib has them.

IN, OUT, ERR, HUP, NVAL = 1, 4, 8, 16, 32
PURPLE_READ, PURPLE_WRITE = 1, 2
PURPLE_CALLBACK = C.CFUNCTYPE(None, POINTER, INT, INT)
GLIB_CALLBACK = C.CFUNCTYPE(INT, INT, INT, POINTER)
watch_fd = function("g_unix_fd_add_full", UINT, INT, INT, INT, GLIB_CALLBACK, POINTER, POINTER, library=glib)
unwatch = function("g_source_remove", INT, UINT, library=glib)
callbacks = {}


@C.CFUNCTYPE(UINT, INT, INT, POINTER, POINTER)
def input_add(fd, condition, callback, data):
    call = PURPLE_CALLBACK(callback)
    wanted = (IN | HUP | ERR if condition & PURPLE_READ else 0) | (OUT | HUP | ERR | NVAL if condition & PURPLE_WRITE else 0)

    def ready(fd, seen, _):
        call(data, fd, (PURPLE_READ if seen & (IN | HUP | ERR) else 0) | (PURPLE_WRITE if seen & (OUT | HUP | ERR | NVAL) else 0))
        return 1

    keep = GLIB_CALLBACK(ready)
    tag = watch_fd(0, fd, wanted, keep, None, None)
    callbacks[tag] = (keep, call)
    return tag


class EventLoop(C.Structure):
    _fields_ = [(name, POINTER) for name in (
        "timeout_add", "timeout_remove", "input_add", "input_remove", "input_get_error", "timeout_add_seconds", "r2", "r3", "r4")]


def address(f):
    return C.cast(f, POINTER)


event_loop = EventLoop(address(glib.g_timeout_add), address(glib.g_source_remove), address(input_add),
                       address(glib.g_source_remove), None, address(glib.g_timeout_add_seconds), None, None, None)

# --- The account.

function("purple_util_set_user_dir", None, STRING)(FOLDER.encode())
function("purple_debug_set_enabled", None, INT)(0)
function("purple_eventloop_set_ui_ops", None, POINTER)(C.addressof(event_loop))
if not function("purple_core_init", INT, STRING)(UI):
    sys.exit("libpurple does not start")
function("purple_set_blist", None, POINTER)(function("purple_blist_new", POINTER)())
if not function("purple_find_prpl", POINTER, STRING)(PROTOCOL):
    sys.exit("libpurple has no bonjour protocol here")
account = function("purple_account_new", POINTER, STRING, STRING)(NAME.encode(), PROTOCOL)
set_string = function("purple_account_set_string", None, POINTER, STRING, STRING)
PERSONAL = {"first": "Juliet", "last": "Capulet", "email": "juliet@capulet.example", "jid": "juliet@capulet.example"}
for key, value in PERSONAL.items():
    set_string(account, key.encode(), value.encode())
function("purple_accounts_add", None, POINTER)(account)

# --- What happens.

events, watchers = [], []


def send(connection, text):
    try:
        connection.sendall(text.encode() + b"\n")
    except OSError:
        if connection in watchers:
            watchers.remove(connection)


def happened(**event):
    text = json.dumps(event, ensure_ascii=False)
    events.append(text)
    for connection in list(watchers):
        send(connection, text)


handle = C.create_string_buffer(8)
kept = []


def on(instance, signal, prototype, f):
    callback = prototype(f)
    kept.append(callback)
    connect = function("purple_signal_connect", C.c_ulong, POINTER, STRING, POINTER, POINTER, POINTER)
    connect(function(instance, POINTER)(), signal, C.addressof(handle), address(callback), None)


def text(value):
    return "" if value is None else value.decode("utf-8", "replace")


strip = function("purple_markup_strip_html", POINTER, STRING)
free = function("g_free", None, POINTER, library=glib)


def without_markup(html):
    """What the user would read."""
    pointer = strip(html or b"")
    value = text(C.string_at(pointer))
    free(pointer)
    return value


buddy_name = function("purple_buddy_get_name", STRING, POINTER)
presence_of = function("purple_buddy_get_presence", POINTER, POINTER)
active = function("purple_presence_get_active_status", POINTER, POINTER)
status_id = function("purple_status_get_id", STRING, POINTER)
status_text = function("purple_status_get_attr_string", STRING, POINTER, STRING)


def state(buddy):
    status = active(presence_of(buddy))
    return {"peer": text(buddy_name(buddy)), "status": text(status_id(status)), "text": text(status_text(status, b"message"))}


BUDDY = C.CFUNCTYPE(None, POINTER, POINTER)
CONNECTION = C.CFUNCTYPE(None, POINTER, POINTER)
on("purple_conversations_get_handle", b"received-im-msg", C.CFUNCTYPE(None, POINTER, STRING, STRING, POINTER, INT, POINTER),
   lambda _account, sender, message, *_: happened(event="message", peer=text(sender), text=without_markup(message)))
on("purple_blist_get_handle", b"buddy-signed-on", BUDDY, lambda buddy, _: happened(event="online", **state(buddy)))
# Who was only discovered, and not added to the list by the user, goes from it instead of being shown as offline.
for signal in (b"buddy-signed-off", b"buddy-removed"):
    on("purple_blist_get_handle", signal, BUDDY, lambda buddy, _: happened(event="offline", peer=text(buddy_name(buddy))))
on("purple_blist_get_handle", b"buddy-status-changed", C.CFUNCTYPE(None, POINTER, POINTER, POINTER, POINTER),
   lambda buddy, *_: happened(event="status", **state(buddy)))
on("purple_connections_get_handle", b"signed-on", CONNECTION, lambda *_: happened(event="self-online"))
on("purple_connections_get_handle", b"signed-off", CONNECTION, lambda *_: happened(event="self-offline"))
on("purple_connections_get_handle", b"connection-error", C.CFUNCTYPE(None, POINTER, INT, STRING, POINTER),
   lambda _connection, _kind, message, _data: happened(event="error", text=text(message)))

# --- What can be asked.

enable = function("purple_account_set_enabled", None, POINTER, STRING, INT)
new_status = function("purple_savedstatus_new", POINTER, STRING, INT)
set_message = function("purple_savedstatus_set_message", None, POINTER, STRING)
activate = function("purple_savedstatus_activate", None, POINTER)
status_type = function("purple_account_get_status_type_with_primitive", POINTER, POINTER, INT)
new_conversation = function("purple_conversation_new", POINTER, INT, POINTER, STRING)
find_conversation = function("purple_find_conversation_with_account", POINTER, INT, STRING, POINTER)
im_of = function("purple_conversation_get_im_data", POINTER, POINTER)
im_send = function("purple_conv_im_send", None, POINTER, STRING)
end_conversation = function("purple_conversation_destroy", None, POINTER)
escape = function("g_markup_escape_text", POINTER, STRING, C.c_ssize_t, library=glib)
set_icon = function("purple_buddy_icons_set_account_icon", POINTER, POINTER, POINTER, C.c_size_t)
find_buddies = function("purple_find_buddies", POINTER, POINTER, STRING)
is_online = function("purple_presence_is_online", INT, POINTER)
IM = 1
STATUSES = {"available": 2, "dnd": 3, "unavailable": 3, "invisible": 4, "away": 5, "xa": 6}


class Node(C.Structure):
    _fields_ = [("data", POINTER), ("next", POINTER)]


def buddies():
    first = node = find_buddies(account, None)
    while node:
        entry = C.cast(node, C.POINTER(Node)).contents
        yield entry.data
        node = entry.next
    function("g_slist_free", None, POINTER, library=glib)(first)


def with_markup(words):
    """What the user would have typed: libpurple takes texts for HTML."""
    pointer = escape(words.encode(), -1)
    value = C.string_at(pointer)
    free(pointer)
    return value


def do_status(name, words):
    if not status_type(account, STATUSES[name]):
        raise NotImplementedError(f"bonjour has no status {name}")
    status = new_status(None, STATUSES[name])
    if words:
        set_message(status, with_markup(words))
    activate(status)


def do_message(to, words):
    conversation = find_conversation(IM, to.encode(), account) or new_conversation(IM, account, to.encode())
    im_send(im_of(conversation), with_markup(words))


def do_close(to):
    conversation = find_conversation(IM, to.encode(), account)
    if not conversation:
        raise ValueError(f"there is no conversation with {to}")
    end_conversation(conversation)


def do_icon(path):
    with open(path, "rb") as file:
        image = file.read()
    # It takes the memory over, so it must be GLib's own.
    duplicate = function("g_memdup2", POINTER, STRING, C.c_size_t, library=glib)
    set_icon(account, duplicate(image, len(image)), len(image))


def do_private():
    for key in PERSONAL:
        set_string(account, key.encode(), b"")


COMMANDS = {
    "announce": lambda: enable(account, UI, 1),
    "withdraw": lambda: enable(account, UI, 0),
    "status": do_status,
    "message": do_message,
    "close": do_close,
    "icon": do_icon,
    "private": do_private,
    "list": lambda: [json.dumps(state(b), ensure_ascii=False) for b in buddies() if is_online(presence_of(b))],
}


def answer(connection):
    """Serves one request; a connection that watches stays open."""
    try:
        connection.settimeout(1)
        name, *words = json.loads(connection.makefile("rb").readline())
        if name == "watch":
            watchers.append(connection)
            for event in events:
                send(connection, event)
            return
        for line in COMMANDS[name](*words) or []:
            send(connection, line)
    except NotImplementedError as error:
        send(connection, f"?{error}")
    except Exception as error:
        send(connection, f"!{error!r}")
    connection.close()


listener = socket.socket(socket.AF_UNIX)
listener.bind(SOCKET)
listener.listen()


@GLIB_CALLBACK
def accept(_fd, _condition, _data):
    answer(listener.accept()[0])
    return 1


loop = function("g_main_loop_new", POINTER, POINTER, INT, library=glib)(None, 0)
quit_loop = function("g_main_loop_quit", None, POINTER, library=glib)


@C.CFUNCTYPE(INT, POINTER)
def ask_to_end(_data):
    quit_loop(loop)
    return 0


# SIGTERM ends it as closing the program's window does: with a goodbye.
SIGTERM = 15
function("g_unix_signal_add", UINT, INT, POINTER, POINTER, library=glib)(SIGTERM, address(ask_to_end), None)
watch_fd(0, listener.fileno(), IN, accept, None, None)
activate(new_status(None, STATUSES["available"]))
print("ready", flush=True)
function("g_main_loop_run", None, POINTER, library=glib)(loop)
function("purple_core_quit", None)()
