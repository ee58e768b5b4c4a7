# SPDX-License-Identifier: ISC
"""Common parts of run-qemu, run-unix and run-xen: options of the configuration, networks, free ports, and a console
that turns the addresses of a backtrace into functions, files and lines."""
import ctypes
import ipaddress
import os
import platform
import re
import select
import shlex
import signal
import socket
import stat
import subprocess
import sys
import termios
import time

GRACE_SECONDS = 3  # for a process that was told to end


def say(text):
    print(f"run: {text}", flush=True)


def fail(text):
    sys.exit(f"run: {text}")


def read_config(image):
    """The options of the .config beside the image, without CONFIG_ and quotes."""
    try:
        with open(os.path.join(os.path.dirname(image) or ".", ".config"), encoding="utf-8") as file:
            return dict(re.findall(r'^CONFIG_(\w+)="?(.*?)"?$', file.read(), re.MULTILINE))
    except OSError as error:
        fail(f"{image} is no image that make has built: {error.filename}: {error.strerror}")


def words_of(name):
    """The words of an environment variable, split as a shell does, with its quotes."""
    text = os.environ.get(name, "")
    try:
        return shlex.split(text)
    except ValueError as error:
        fail(f"{name}={text}: {str(error).lower()}")


def start_options(arguments):
    """Start options given in OPTIONS and as arguments."""
    return words_of("OPTIONS") + arguments


def option(options, key, default):
    """The value of the last key=value among the start options."""
    return next((word[len(key) + 1:] for word in reversed(options) if word.startswith(key + "=")), default)


def coloured(config, options):
    """The start options, with "color" added if standard output is a terminal, which the image cannot see by itself;
    not if they mention it, or if the user wants no colours (no-color.org)."""
    said = any(word == "color" or word.startswith("color=") for word in options)
    if said or "CONSOLE_NONE" in config or os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return options
    return [*options, "color"]


def quoted(word):
    """A start option in the quoting of kernel/option.c: double quotes around blanks, and no escapes."""
    if '"' in word:
        fail(f"a machine's start option cannot hold a double quote: {word}")
    return f'"{word}"' if not word or re.search(r"\s", word) else word


def command_line(options):
    """Start options as one line."""
    return " ".join(quoted(word) for word in options)


def uses_dhcp(config, options):
    """Does the image use DHCP, as net/config.c decides? Then only its log tells its address."""
    said = [word.partition("=")[2] for word in options if word == "dhcp" or word.startswith("dhcp=")]
    if said:
        return said[-1] != "false"
    return "NET_DHCP" in config and not option(options, "ip", "")


def address_lent(line):
    """The address of a lease in a line of the image's log, or None."""
    found = re.search(r" dhcp: lease ip=([0-9.]+)/", line)
    return found and found[1]


def port_is_free(port):
    for address in ("0.0.0.0", "127.0.0.1"):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except PermissionError:
                fail(f"port {port} needs a privilege: choose another with HOST_PORT=")
            except OSError:
                return False
    return True


def port_number(name, text):
    port = int(text) if re.fullmatch("[0-9]+", text) else 0
    if not 1 <= port <= 65535:
        fail(f"{name}={text} is no port, 1 to 65535")
    return port


def guest_port(config, options):
    """The port of a server in the image. GUEST_PORT gives it for other applications than www."""
    given = option(options, "port", "")
    if given or "WWW_PORT" in config:
        return port_number("port", given or config["WWW_PORT"])
    return port_number("GUEST_PORT", os.environ.get("GUEST_PORT") or "80")


def wanted_port(guest):
    """HOST_PORT, or else the image's own port, or 8080 if only root may listen on that; and the first free port from
    there on."""
    wanted = port_number("HOST_PORT", os.environ.get("HOST_PORT") or str(guest if guest >= 1024 else 8080))
    free = next(filter(port_is_free, range(wanted, min(wanted + 100, 65536))), None)
    if not free:
        fail(f"ports {wanted} to {wanted + 99} are all taken: choose another with HOST_PORT=")
    return wanted, free


def host_port(guest):
    """The port of the host to use; prints it if it is not the wanted one."""
    wanted, free = wanted_port(guest)
    if free != wanted:
        say(f"port {wanted} is taken: using {free}")
    return free


def is_inside(address, net):
    try:
        return ipaddress.IPv4Address(address) in net
    except ValueError:
        return False


def own_interface(config, options):
    """The image's static address with its prefix length, and its gateway, as texts."""
    return (option(options, "ip", config.get("NET_ADDRESS", "10.0.0.2/24")),
            option(options, "gw", config.get("NET_GATEWAY", "10.0.0.1")))


def neighbours(own, gateway):
    """The other addresses of the subnet of an IPv4Interface, first the gateway if it is one of them."""
    taken = (str(own.network.network_address), str(own.ip))
    if gateway not in taken and is_inside(gateway, own.network):
        yield gateway
    yield from (str(one) for one in own.network if str(one) not in (*taken, gateway))


def user_network(address, gateway):
    """QEMU's user network with the image's subnet, in it the image's gateway and a name server; its DHCP server gives
    the image's own address. An impossible gateway is left to the image, whose message is better than QEMU's."""
    try:
        own = ipaddress.IPv4Interface(address)
    except ValueError:
        own = None
    if not own or own.network.prefixlen > 30:
        fail(f"ip={address}: write an address and the prefix length of a subnet of four or more, "
             "as 10.0.0.2/24")
    others = neighbours(own, gateway)
    return f"user,net={own.network},host={next(others)},dns={next(others)},dhcpstart={own.ip}"


def own_place(config, options):
    """Where a server in the image answers at the image's own address: that, or None if only the image will know it, and
    the port twice."""
    address = own_interface(config, options)[0].split("/")[0]
    port = guest_port(config, options)
    return None if uses_dhcp(config, options) else address, port, port


def netdev(config, options):
    """The text of QEMU's -netdev net0, and where a server in the image answers: host, or None if only the image's log
    tells it, port, the image's port. The network is the tap that NET_TAP names, else QEMU's user network with
    HOST_PORT."""
    tap = os.environ.get("NET_TAP")
    if tap:
        need_tap(tap, config, options)
        return f"tap,id=net0,ifname={tap},script=no,downscript=no", own_place(config, options)
    interface, gateway = own_interface(config, options)
    guest = guest_port(config, options)
    port = host_port(guest)
    user = user_network(interface, gateway)
    forward = f"hostfwd=tcp:127.0.0.1:{port}-{interface.split('/')[0]}:{guest}"
    return f"{user},id=net0,{forward}", ("localhost", port, guest)


def check_netdev(config, options):
    """Fails for the reasons that netdev would fail for, and prints nothing else."""
    guest, tap = guest_port(config, options), os.environ.get("NET_TAP")
    if tap:
        need_tap(tap, config, options)
    else:
        user_network(*own_interface(config, options))
        wanted_port(guest)


def say_where(config, host, port, guest):
    """Prints the site's URL or, for another application, how to reach its port."""
    if "WWW_PORT" in config:
        say(f"http://{host}{'' if port == 80 else f':{port}'}/ (Ctrl-C ends it)")
    else:
        say(f"the image's port {guest} is at {host}:{port} (GUEST_PORT=n is for another)")


class Story:
    """Follows an image's console: reports when it is up and where it answers, and notes its exit status. after: names
    the event that its time counts from, which is now, or begin()."""

    def __init__(self, config, where, after):
        self.config, self.where, self.after = config, where, after
        self.status = None  # its exit status, which QEMU and xl do not pass on
        self.begin()

    def begin(self):
        self.began = time.monotonic()

    def on_line(self, line):
        ended = re.match(r"virga: exit status (\d+)", line)
        if ended:
            self.status = int(ended[1])
        if " boot_us=" in line:
            inside = int(line.split(" boot_us=")[1].split()[0]) / 1000
            say(f"up {1000 * (time.monotonic() - self.began):.0f} ms after {self.after}, {inside:.1f} ms of it "
                "in the image")
        lent = address_lent(line)
        if self.where and not self.where[0] and lent:
            say_where(self.config, lent, *self.where[1:])


def host_side(config, options):
    """The address and prefix length for the host's end of a tap: the image's gateway, or another neighbour."""
    address, gateway = own_interface(config, options)
    if not uses_dhcp(config, options):
        try:
            own = ipaddress.IPv4Interface(address)
            return f"{next(neighbours(own, gateway))}/{own.network.prefixlen}"
        except (ValueError, StopIteration):
            pass  # the image will report such an address
    return "10.0.0.1/24"


def need_tap(name, config, options):
    try:
        socket.if_nametoindex(name)
    except OSError:
        fail(f"there is no interface {name}; these two commands make it:\n"
             f"    sudo ip tuntap add dev {name} mode tap user $USER\n"
             f"    sudo ip addr add {host_side(config, options)} dev {name} && sudo ip link set {name} up")


def disk_file(text):
    """DISK's words: the path of an existing file or block device, and whether it is read-only."""
    path, read_only = (text[:-3], True) if text.endswith(",ro") else (text, False)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        fail(f"DISK={text}: {error.strerror.lower()}")
    kind = os.stat(path).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISBLK(kind):
        fail(f"DISK={text}: neither a file nor a block device")
    return path, read_only


def takes_disk(config):
    return bool({"VIRTIO_BLK", "DISK_INITRD", "UNIX_DISK", "XEN_BLK"} & config.keys())


def disk(config):
    """DISK=path, or DISK=path,ro: the file and whether it is read-only. None: the image has no disk."""
    text = os.environ.get("DISK", "")
    if not takes_disk(config):
        if text:
            say(f"DISK={text} is of no use: the image takes no disk")
        return None
    if text in ("", ",ro"):
        fail("the image has its files on a disk: DISK=path names one, DISK=path,ro leaves it as it is")
    path, read_only = disk_file(text)
    if not read_only and not os.access(path, os.W_OK):
        say(f"{path} is not ours to write: the disk is read-only")
        read_only = True
    return path, read_only


def check_disk(config):
    """Fails if DISK is given and is no disk. A disk that the build makes may not exist yet."""
    text = os.environ.get("DISK", "")
    if text and takes_disk(config):
        disk_file(text)


def symbolise(debug_image, line):
    """addr2line's output for the addresses in a backtrace line, one text line per frame."""
    addresses = re.findall(r"0x[0-9a-f]+", line)
    # A return address belongs to the call before it; the first address is the fault's.
    exact = [hex(int(address, 16) - (1 if i else 0)) for i, address in enumerate(addresses)]
    try:
        done = subprocess.run(["addr2line", "-f", "-p", "-i", "-s", "-e", debug_image, *exact],
                              stdout=subprocess.PIPE, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "    (addr2line cannot read " + debug_image + ": install binutils)\n"
    return "".join(f"    {text}\n" for text in done.stdout.splitlines())


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def begin_child():
    """Lets Ctrl-C reach the child, and ends it with its parent, however suddenly that ends."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Terminal:
    """Restores the settings of standard input's terminal: the program that set it raw may be killed."""

    def __enter__(self):
        self.was = termios.tcgetattr(0) if os.isatty(0) else None

    def __exit__(self, *ignored):
        if self.was:
            termios.tcsetattr(0, termios.TCSADRAIN, self.was)


def run(command, image, on_line=lambda line: None):
    """Runs command with its output passed through line by line; gives its exit status, and whether it was
    told to end. Ctrl-C reaches the command itself, which shares our terminal; here it is only noted, and the
    command is killed if it does not heed it: QEMU may wait for ever for the CPU that it emulates. When the
    reader of our output has gone, as after "| head", the command is ended, and that is a success."""
    signals, late = [], []

    def note(number, frame):
        signals.append(number)
        signal.alarm(GRACE_SECONDS)
    signal.signal(signal.SIGINT, note)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0, preexec_fn=begin_child)

    def terminate(number, frame):
        note(number, frame)
        child.terminate()

    def overdue(number, frame):
        late.append(number)
        child.kill()
    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGALRM, overdue)
    with Terminal():
        try:
            pass_through(child.stdout.fileno(), image, on_line)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            child.kill()
            child.wait()
            return 0, True
        except BaseException:
            child.kill()
            raise
        status = child.wait()
        signal.alarm(0)
    if late:
        say(f"{os.path.basename(command[0])} has not ended in {GRACE_SECONDS} s, and was killed")
    return status if status >= 0 else 128 - status, bool(signals)


def pass_through(source, image, on_line):
    """Copies source to standard output until it ends. The poll also notices that our reader has gone while source is
    silent."""
    wait = select.poll()
    wait.register(source, select.POLLIN)
    wait.register(sys.stdout, 0)
    line = b""
    while True:
        if sys.stdout.fileno() in dict(wait.poll()):
            raise BrokenPipeError
        data = os.read(source, 4096)
        if not data:
            break
        # Our own message on a line comes right after it, never within the next.
        for part in data.splitlines(keepends=True):
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
            line = (line + part)[-4096:]
            if not line.endswith(b"\n"):
                continue
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            line = b""
            if text.startswith("backtrace:"):
                sys.stdout.write(symbolise(image + ".debug", text))
                sys.stdout.flush()
            on_line(text)


def gdb(config, arguments):
    """Runs gdb, or gdb-multiarch for another CPU, and gives its status. Ctrl-C goes to gdb only: it stops the
    debugged program."""
    program = "gdb" if config["CPU"] == platform.machine() else "gdb-multiarch"
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        with Terminal():
            return subprocess.run([program, "-q", *arguments], preexec_fn=begin_child).returncode
    except FileNotFoundError:
        fail(f"{program} is not installed: apt-get install {program}")
