# SPDX-License-Identifier: MIT
"""The vhost-user protocol, the device's side: a front end (QEMU) hands over the
guest's memory as files, and for each ring where it lies and what wakes whom.

QEMU's docs/interop/vhost-user.rst has the messages. What a device does with
its rings is vhost_user_blk.py's."""

import array
import mmap
import os
import socket
import struct
import sys

GET_FEATURES, SET_FEATURES, SET_OWNER, RESET_OWNER, SET_MEM_TABLE = 1, 2, 3, 4, 5
SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR = 12, 13, 14
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM = 15, 16, 17
SET_VRING_ENABLE, SET_BACKEND_REQ_FD, GET_CONFIG, SET_CONFIG = 18, 21, 24, 25
BACKEND_CONFIG_CHANGE = 2       # our request, on the socket that SET_BACKEND_REQ_FD brings

VERSION, REPLY, NEED_REPLY = 1, 4, 8    # flags of a message
NO_FD = 0x100                           # of SET_VRING_KICK and its like
HEADER = struct.Struct("<III")          # request, flags, bytes that follow
REGION = struct.Struct("<QQQQ")         # guest's address, bytes, front end's address, offset
STATE = struct.Struct("<II")            # ring, number
ADDRESS = struct.Struct("<IIQQQQ")      # ring, flags, descriptors, used, avail, log
CONFIG = struct.Struct("<III")          # offset, bytes, flags
PAYLOAD_MAX = 4096
FDS_MAX = 16

F_PROTOCOL_FEATURES = 1 << 30
PROTOCOL_MQ, PROTOCOL_REPLY_ACK, PROTOCOL_BACKEND_REQ, PROTOCOL_CONFIG = 1, 1 << 3, 1 << 5, 1 << 9
PROTOCOL_FEATURES = PROTOCOL_MQ | PROTOCOL_REPLY_ACK | PROTOCOL_BACKEND_REQ | PROTOCOL_CONFIG


class ProtocolError(Exception):
    """The other side said what makes no sense."""


def receive(sock):
    """(request, flags, payload, fds) of the next message; None at the end."""
    head, fds = b"", []
    while len(head) < HEADER.size:
        data, ancillary, _, _ = sock.recvmsg(HEADER.size - len(head),
                                             socket.CMSG_SPACE(4 * FDS_MAX))
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds += array.array("i", value[:len(value) // 4 * 4])
        if not data:
            return None
        head += data
    request, flags, size = HEADER.unpack(head)
    if size > PAYLOAD_MAX:
        raise ProtocolError("message %d of %d bytes" % (request, size))
    payload = b""
    while len(payload) < size:
        data = sock.recv(size - len(payload))
        if not data:
            return None
        payload += data
    return request, flags, payload, fds


def send(sock, request, flags, payload=b"", fds=()):
    head = HEADER.pack(request, VERSION | flags, len(payload))
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    sock.sendmsg([head + payload], rights)


class Memory:
    """The guest's memory, mapped."""

    def __init__(self, payload=b"", fds=()):
        self.regions = []       # (guest's address, front end's, size, view)
        count = struct.unpack_from("<I", payload)[0] if payload else 0
        for i in range(count):
            guest, size, user, offset = REGION.unpack_from(payload, 8 + i * REGION.size)
            view = memoryview(mmap.mmap(fds[i], size, offset=offset))
            self.regions.append((guest, user, size, view))
            os.close(fds[i])

    def pieces(self, address, length):
        """Views of a range of the guest's addresses: one, or several where it
        crosses regions."""
        found = []
        while length:
            region = next((r for r in self.regions if r[0] <= address < r[0] + r[2]), None)
            if region is None:
                raise ProtocolError("0x%x is no memory of the guest" % address)
            start = address - region[0]
            part = region[3][start:start + length]
            found.append(part)
            address, length = address + len(part), length - len(part)
        return found

    def at_user(self, address, length):
        """A view of a range of the front end's addresses: a ring."""
        for _, user, size, view in self.regions:
            if user <= address and address + length <= user + size:
                return view[address - user:address - user + length]
        raise ProtocolError("0x%x is no memory of the front end" % address)


class Vring:
    """What the front end said of one ring."""

    def __init__(self, index):
        self.index = index
        self.size = 0
        self.base = 0
        self.addresses = None   # descriptors, used, avail, as the front end has them
        self.kick = self.call = self.error = None
        self.enabled = False
        self.ring = None        # of vhost_ring.py, while it runs

    def signal(self):
        """Interrupts the guest."""
        if self.call is not None:
            try:
                os.write(self.call, (1).to_bytes(8, "little"))
            except BlockingIOError:
                pass            # that many are waiting already

    def replace(self, name, fd):
        old = getattr(self, name)
        if old is not None:
            os.close(old)
        setattr(self, name, fd)


class FrontEnd:
    """One connection. `device` has features, queues, config(), set_config(),
    and is told by started(vring) and stopped(vring)."""

    def __init__(self, sock, device):
        self.sock = sock
        self.device = device
        self.memory = Memory()
        self.features = 0
        self.protocol = 0
        self.backend_sock = None
        self.vrings = [Vring(i) for i in range(device.queues)]
        self.handlers = {
            GET_FEATURES: lambda p, f: self.device.features | F_PROTOCOL_FEATURES,
            SET_FEATURES: self._set_features,
            GET_PROTOCOL_FEATURES: lambda p, f: PROTOCOL_FEATURES,
            SET_PROTOCOL_FEATURES: self._set_protocol,
            GET_QUEUE_NUM: lambda p, f: self.device.queues,
            SET_OWNER: lambda p, f: None,
            RESET_OWNER: lambda p, f: self.stop_all(),
            SET_MEM_TABLE: self._set_memory,
            SET_VRING_NUM: self._set_number,
            SET_VRING_ADDR: self._set_address,
            SET_VRING_BASE: self._set_base,
            GET_VRING_BASE: self._get_base,
            SET_VRING_KICK: lambda p, f: self._set_fd("kick", p, f),
            SET_VRING_CALL: lambda p, f: self._set_fd("call", p, f),
            SET_VRING_ERR: lambda p, f: self._set_fd("error", p, f),
            SET_VRING_ENABLE: self._enable,
            SET_BACKEND_REQ_FD: self._set_backend,
            GET_CONFIG: self._get_config,
            SET_CONFIG: self._set_config,
        }

    def message(self):
        """Handles one message; False at the end of the connection."""
        try:
            got = receive(self.sock)
        except ConnectionError:
            got = None
        if got is None:
            return False
        request, flags, payload, fds = got
        handler = self.handlers.get(request)
        if handler is None:
            print("vhost: message %d is not known" % request, file=sys.stderr, flush=True)
            for fd in fds:
                os.close(fd)
        answer = handler(payload, fds) if handler else None
        if isinstance(answer, int):
            answer = struct.pack("<Q", answer)
        elif answer is None and flags & NEED_REPLY:
            answer = struct.pack("<Q", 0 if handler else 1)
        if answer is not None:
            send(self.sock, request, REPLY, answer)
        return True

    def stop_all(self):
        for vring in self.vrings:
            self._stop(vring)

    def _vring(self, index):
        if index >= len(self.vrings):
            raise ProtocolError("there is no ring %d" % index)
        return self.vrings[index]

    def _start(self, vring):
        ready = vring.kick is not None and vring.addresses and vring.size
        if vring.ring is None and vring.enabled and ready:
            self.device.started(self, vring)

    def _stop(self, vring):
        if vring.ring is not None:
            self.device.stopped(vring)
            vring.base = vring.ring.base()
            vring.ring = None

    def _set_features(self, payload, _fds):
        self.features = struct.unpack("<Q", payload)[0]

    def _set_protocol(self, payload, _fds):
        self.protocol = struct.unpack("<Q", payload)[0]

    def _set_memory(self, payload, fds):
        self.memory = Memory(payload, fds)

    def _set_number(self, payload, _fds):
        index, number = STATE.unpack(payload)
        self._vring(index).size = number

    def _set_address(self, payload, _fds):
        index, _, desc, used, avail, _ = ADDRESS.unpack(payload)
        self._vring(index).addresses = (desc, used, avail)

    def _set_base(self, payload, _fds):
        index, number = STATE.unpack(payload)
        self._vring(index).base = number

    def _get_base(self, payload, _fds):
        index, _ = STATE.unpack(payload)
        vring = self._vring(index)
        self._stop(vring)
        vring.replace("kick", None)
        return STATE.pack(index, vring.base)

    def _set_fd(self, name, payload, fds):
        number = struct.unpack("<Q", payload)[0]
        vring = self._vring(number & 0xff)
        vring.replace(name, fds[0] if fds and not number & NO_FD else None)
        self._start(vring)

    def _enable(self, payload, _fds):
        index, number = STATE.unpack(payload)
        vring = self._vring(index)
        vring.enabled = bool(number)
        self._start(vring)

    def _set_backend(self, _payload, fds):
        if self.backend_sock:
            self.backend_sock.close()
        self.backend_sock = socket.socket(fileno=fds[0])

    def _get_config(self, payload, _fds):
        offset, size, flags = CONFIG.unpack_from(payload)
        config = self.device.config()[offset:offset + size]
        return CONFIG.pack(offset, size, flags) + config.ljust(size, b"\0")

    def _set_config(self, payload, _fds):
        offset, size, _ = CONFIG.unpack_from(payload)
        self.device.set_config(offset, payload[CONFIG.size:CONFIG.size + size])

    def config_changed(self):
        """Tells the front end to read the configuration again."""
        if self.backend_sock:
            send(self.backend_sock, BACKEND_CONFIG_CHANGE, 0)

    def close(self):
        self.stop_all()
        for sock in (self.sock, self.backend_sock):
            if sock:
                sock.close()
        for vring in self.vrings:
            for name in ("kick", "call", "error"):
                vring.replace(name, None)
