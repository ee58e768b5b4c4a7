# SPDX-License-Identifier: ISC
"""make run for its user: it prints the site's URL, serves it, and ends at Ctrl-C."""
import contextlib
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time

import pytest

from rig import build, cpus, params, server, xen
from rig.guest import Guest

RUNNERS = [pytest.param(*pair, marks=pytest.mark.config(pair[1]))
           for pair in (("run-qemu", "defconfig_www_qemu"), ("run-unix", "defconfig_www_unix_socket"),
                         ("run-xen", "defconfig_www_xen"))]


def index():
    with open(os.path.join(server.HTDOCS, "index.html"), "rb") as file:
        return file.read()


def run(namespace, out, *words, **environment):
    """A make in the namespace, in a session of its own, so that Ctrl-C reaches all of it."""
    command = ["make", "--no-print-directory", "-C", build.TREE, f"O={out}", *words]
    return Guest(command, namespace, environment={"YES": "", "CI": "", **environment})


def served_at(guest, namespace, seconds=120):
    """Waits for the line with the URL, and for the page behind it."""
    url = guest.wait_for(r"(http://[\w.]+(:\d+)?/)", seconds).group(1)
    page = namespace.run(["curl", "--silent", "--show-error", "--retry", "20", "--retry-connrefused",
                          "--retry-delay", "1", "--max-time", "60", url], timeout=90, text=False).stdout
    assert page == index()
    return url


def interrupt(guest):
    os.killpg(guest.process.pid, signal.SIGINT)
    guest.wait_end(20)


@pytest.mark.parametrize("machine", params.machines("www", "microvm", first=True))
def test_qemu(builder, namespace, machine):
    out = builder.build(cpus.defconfig("www", machine))
    with run(namespace, out, "run") as guest:
        assert served_at(guest, namespace) == "http://localhost:8080/"
        guest.wait_for(r"(?i)\d[\d.]* ?ms", 10)  # the boot time
        interrupt(guest)
        assert "Traceback" not in guest.console
    # The port is free again.
    with run(namespace, out, "qemu-run") as guest:
        assert served_at(guest, namespace) == "http://localhost:8080/"


@pytest.mark.config("defconfig_www_qemu")
def test_a_taken_port_gives_another(builder, namespace):
    out = builder.build("defconfig_www_qemu")
    taken = namespace.popen(["/usr/bin/python3", "-c", "import socket, time; s = socket.socket(); "
                             "s.bind(('127.0.0.1', 8080)); s.listen(); print('taken', flush=True); time.sleep(600)"],
                            stdout=-1)
    assert taken.stdout.readline() == b"taken\n"
    with run(namespace, out, "qemu-run") as guest:
        url = served_at(guest, namespace)
        assert url != "http://localhost:8080/"
        assert re.search(r"8080.*(taken|in use)", guest.console), guest.console


@pytest.mark.config("defconfig_www_qemu")
def test_a_tap(builder, namespace):
    out = builder.build("defconfig_www_qemu")
    namespace.tap("virga7")
    with run(namespace, out, "qemu-run", NET_TAP="virga7") as guest:
        assert served_at(guest, namespace) == "http://10.0.0.2/"


@pytest.mark.config("defconfig_www_qemu")
def test_the_user_network_has_the_subnet_of_the_option(builder, namespace):
    out = builder.build("defconfig_www_qemu")
    for options in ("ip=172.16.5.200/16 gw=172.16.255.254", "ip=10.9.9.1/30 gw=10.9.9.2"):
        with run(namespace, out, "qemu-run", OPTIONS=options) as guest:
            served_at(guest, namespace)
            interrupt(guest)


def run_qemu(builder, *options, gdb=False, text="", config="defconfig_www_qemu", **environment):
    """Runs the script itself, without a terminal; for images that end by themselves."""
    image = os.path.join(builder.build(config), "image")
    script = os.path.join(build.TREE, "scripts", "run-qemu")
    return subprocess.run(["timeout", "60", script, *(["--gdb"] if gdb else []), image, *options], input=text,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=90, check=False,
                          cwd=build.TREE, env={**build.clean_environment(), "ACCEL": "tcg", **environment})


@pytest.mark.config("defconfig_www_qemu")
def test_the_status_is_the_images_or_qemus(builder):
    done = run_qemu(builder, QEMU_EXTRA="-device nonsense")
    assert done.returncode == 1 and "nonsense" in done.stdout, done
    done = run_qemu(builder, "nonsense=1")
    assert done.returncode == 1 and "virga: exit status 1" in done.stdout, done
    done = run_qemu(builder, "ip=10.0.0.2")
    assert done.returncode == 1 and "10.0.0.2/24" in done.stdout, done


@pytest.mark.config("defconfig_www_qemu")
def test_a_kvm_that_fails_is_not_chosen(builder, tmp_path):
    """A QEMU that cannot do KVM ends with status 1, as with any error."""
    fake = tmp_path / "qemu-system-x86_64"
    fake.write_text("#!/bin/sh\ncase $* in *'-accel tcg'*) echo 'virga: exit status 7' ;; *) exit 1 ;; esac\n")
    fake.chmod(0o755)
    done = run_qemu(builder, ACCEL="", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert "emulation" in done.stdout and done.returncode == 7, done


@pytest.mark.config("defconfig_www_qemu")
def test_a_qemu_that_hangs_is_killed(builder, namespace, tmp_path):
    """A QEMU that is to end may wait for ever until the CPU that it emulates pauses."""
    fake = tmp_path / "qemu-system-x86_64"
    fake.write_text("#!/bin/sh\ntrap '' INT\necho deaf\nwhile :; do sleep 1; done\n")
    fake.chmod(0o755)
    with run(namespace, builder.build("defconfig_www_qemu"), "qemu-run", ACCEL="tcg",
             PATH=f"{tmp_path}:{os.environ['PATH']}") as guest:
        guest.wait_for("deaf")
        interrupt(guest)
        assert "qemu-system-x86_64 has not ended in" in guest.console


HANGS = """
import sys
sys.path.insert(0, "scripts")
import runner
runner.GRACE_SECONDS = 1
runner.run(["/bin/sh", "-c", "trap '' INT; exec yes " + 1000 * "y"], "image")
"""


def test_who_reads_slowly_hears_of_a_qemu_that_hangs_too():
    """The message would come while the pipe to the reader is full, and the runner in the middle of a write."""
    with subprocess.Popen([sys.executable, "-c", HANGS], cwd=build.TREE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        assert process.stdout.read(4) == b"yyyy"
        process.send_signal(signal.SIGINT)
        time.sleep(4)
        said = process.stdout.read()
    assert said.endswith(b"run: sh has not ended in 1 s, and was killed\n"), said[-2000:]


@pytest.mark.parametrize("machine", params.machines("www", "microvm", first=True))
def test_gdb_stops_at_the_first_function(builder, need, machine):
    need("gdb" if cpus.MACHINES[machine].cpu is cpus.HOST else "gdb-multiarch")
    done = run_qemu(builder, gdb=True, text="backtrace 1\nkill\nquit\n", config=cpus.defconfig("www", machine))
    assert re.search(r"#0  boot \(.*(pvh|machine)\.c:\d+", done.stdout), done.stdout
    done = run_qemu(builder, gdb=True, QEMU_EXTRA="-device nonsense")
    assert done.returncode == 1 and "nonsense" in done.stdout, done


@pytest.mark.config("defconfig_hello_unix")
def test_gdb_of_a_process(builder, need):
    """With the start options, and with symbols."""
    need("gdb")
    out = builder.build("defconfig_hello_unix")
    done = subprocess.run(["timeout", "60", "make", "--no-print-directory", "-C", build.TREE, f"O={out}", "gdb"],
                          input="break app_start\nrun\nbacktrace 1\nprint name\nkill\nquit\n", text=True, timeout=90,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**build.clean_environment(), "OPTIONS": "name=Ada"})
    assert re.search(r"#0  app_start \([^#]*apps/hello/main\.c:\d+", done.stdout), done.stdout
    assert re.search(r'= 0x[0-9a-f]+ "Ada"', done.stdout) and done.returncode == 0, done.stdout


class Terminal:
    """A make at its own terminal, and its output there until the image was up."""

    def __init__(self, namespace, out, goal, **environment):
        self.ours, self.theirs = os.openpty()
        self.before = termios.tcgetattr(self.theirs)
        self.process = namespace.popen(
            ["setsid", "--ctty", "--wait", "make", "--no-print-directory", "-C", build.TREE, f"O={out}", goal],
            stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
            env={**build.clean_environment(), "ACCEL": "tcg", "YES": "", "CI": "", "NO_COLOR": "", **environment})
        self.text, end = b"", time.monotonic() + 60
        while not re.search(rb" boot_us=.*\n", self.text):
            assert time.monotonic() < end and select.select([self.ours], [], [], 60)[0], self.text
            self.text += os.read(self.ours, 4096)

    def interrupt(self):
        os.write(self.ours, b"\x03")
        self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        os.close(self.ours)
        os.close(self.theirs)


GREEN_INFO = b"\033[32minfo \033[0m "


@pytest.mark.parametrize("goal,config", [
    pytest.param(*pair, marks=pytest.mark.config(pair[1]))
    for pair in (("qemu-run", "defconfig_www_qemu"), ("xen-run", "defconfig_www_xen"))])
def test_ctrl_c_in_a_terminal(builder, namespace, goal, config):
    """The key ends it, and the terminal's settings are restored. The log was in colours."""
    out = builder.build(config)
    if goal == "xen-run":
        xen.prepare()
    with Terminal(namespace, out, goal) as terminal:
        assert termios.tcgetattr(terminal.theirs) != terminal.before, "untouched: this test would show nothing"
        assert GREEN_INFO in terminal.text
        terminal.interrupt()
        assert termios.tcgetattr(terminal.theirs) == terminal.before


@pytest.mark.config("defconfig_www_unix_socket")
@pytest.mark.parametrize("environment,coloured", [({}, True), ({"NO_COLOR": "1"}, False),
                                                  ({"OPTIONS": "color=false"}, False)])
def test_colours_of_a_process_in_a_terminal(builder, namespace, environment, coloured):
    with Terminal(namespace, builder.build("defconfig_www_unix_socket"), "unix-run", **environment) as terminal:
        terminal.interrupt()
        assert (GREEN_INFO in terminal.text) == coloured and b"info " in terminal.text


@pytest.mark.config("defconfig_www_unix_socket")
def test_unix_sockets(builder, namespace):
    with run(namespace, builder.build("defconfig_www_unix_socket"), "run") as guest:
        served_at(guest, namespace)
        guest.wait_for("at every address of this host")
        interrupt(guest)


@pytest.mark.config("defconfig_www_unix_socket")
def test_a_disk_of_ones_own(builder, namespace, tmp_path):
    """It is attached as it is; a file that is no disk is refused by name, and so is a disk that the image would not
    use."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.txt").write_text("mine")
    disk = tmp_path / "mine.img"
    subprocess.run(["scripts/fat-of-files", tmp_path / "site", disk], cwd=build.TREE, check=True)
    before = disk.read_bytes()
    out = builder.build("defconfig_www_unix_socket", f"FAT_IMAGE={disk}", name="own_disk", options={"FS_FAT": "y"})
    with run(namespace, out, f"FAT_IMAGE={disk}", "run") as guest:
        url = guest.wait_for(r"(http://[\w.]+(:\d+)?/)", 120).group(1)
        guest.wait_for("listening")
        assert namespace.run(["curl", "--silent", "--max-time", "60", f"{url}mine.txt"], timeout=90).stdout == "mine"
        interrupt(guest)
    assert disk.read_bytes() == before
    crunched = builder.build("defconfig_www_unix_socket")
    for where, path, said in ((out, f"{disk}.no", "no such file"), (crunched, disk, "FS=fat")):
        refused = build.make(f"O={where}", f"FAT_IMAGE={path}", check=False)
        assert refused.returncode and f"FAT_IMAGE={path}" in refused.stdout and said in refused.stdout, refused.stdout


@pytest.mark.parametrize("runner,config", RUNNERS)
def test_it_ends_when_nobody_reads(builder, namespace, runner, config):
    """As after "| head": quietly, even without further output."""
    script, image = os.path.join(build.TREE, "scripts", runner), os.path.join(builder.build(config), "image")
    if runner == "run-xen":
        xen.prepare()
    process = namespace.popen([script, image], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**build.clean_environment(), "ACCEL": "tcg"})
    while b"run: up " not in process.stdout.readline():
        assert process.poll() is None
    process.stdout.close()
    assert process.wait(60) == 0 and process.stderr.read() == b""
    assert not namespace.run(["ss", "--no-header", "--listening", "--tcp"]).stdout, "it still listens"


@pytest.mark.config("defconfig_www_unix")
def test_unix_tap(builder, namespace):
    out = builder.build("defconfig_www_unix")
    namespace.tap()
    with run(namespace, out, "unix-run") as guest:
        served_at(guest, namespace)
        interrupt(guest)


@pytest.mark.config("defconfig_www_xen")
def test_xen(builder, namespace, tmp_path):
    """The guest of the emulated machine is reached over dom0's bridge; afterwards nothing of the machine is left."""
    out, log = builder.build("defconfig_www_xen"), tmp_path / "xen.log"
    xen.prepare()
    with run(namespace, out, "xen-run", XEN_LOG=str(log)) as guest, xen.told(log):
        assert served_at(guest, namespace, xen.SECONDS) == "http://localhost:8080/"
        guest.wait_for("up [0-9]+ ms after xl create", xen.SECONDS)
        interrupt(guest)
        assert "Traceback" not in guest.console
    assert not namespace.run(["ss", "--no-header", "--listening", "--tcp"]).stdout, "it still listens"


@pytest.mark.config("defconfig_hello_xen")
def test_a_guest_of_xen_that_ends(builder):
    """With its own status, or with a message on the reason."""
    image = os.path.join(builder.build("defconfig_hello_xen"), "image")
    xen.prepare()
    with Guest([os.path.join(build.TREE, "scripts", "run-xen"), image, r"name=Big \n $World's"]) as guest:
        guest.wait_for(r"^Hello, Big \\n \$World's!$", xen.SECONDS)
        guest.wait_for("^It is a second later", xen.SECONDS)
        guest.write("quit\n")
        guest.wait_for("^Goodbye", xen.SECONDS)
        assert guest.wait_end(xen.SECONDS) == 0
    with Guest([os.path.join(build.TREE, "scripts", "run-xen"), image], environment={"MEM": "1"}) as guest:
        guest.wait_for("run: .*xl create", xen.SECONDS)
        assert guest.wait_end(xen.SECONDS) == 1


@pytest.mark.config("defconfig_hello_xen")
def test_nothing_is_left_of_a_runner_that_is_killed(builder, tmp_path):
    """Neither a file nor the emulated machine."""
    image = os.path.join(builder.build("defconfig_hello_xen"), "image")
    xen.prepare()
    runner = subprocess.Popen([os.path.join(build.TREE, "scripts", "run-xen"), image], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, start_new_session=True,
                              env={**build.clean_environment(), "TMPDIR": str(tmp_path)})
    with runner:
        while "Hello" not in (line := runner.stdout.readline()):
            assert line, "it has ended"
        with open(f"/proc/{runner.pid}/task/{runner.pid}/children", encoding="ascii") as file:
            machine = int(file.read())
        runner.kill()
    end = time.monotonic() + xen.SECONDS
    while os.path.exists(f"/proc/{machine}/exe"):
        assert time.monotonic() < end, "the machine lives on"
        time.sleep(0.1)
    assert not list(tmp_path.iterdir())


@pytest.mark.config("defconfig_hello_xen")
def test_the_emulated_machine_ends_when_its_guest_cannot_be_started(builder, tmp_path):
    """Also after unexpected errors: here one of the image's files is missing. The reason is one line."""
    out = builder.build("defconfig_hello_xen")
    for name in (".config", "image"):
        shutil.copy(os.path.join(out, name), tmp_path)
    xen.prepare()
    with Guest([os.path.join(build.TREE, "scripts", "run-xen"), str(tmp_path / "image")]) as guest:
        assert guest.wait_end(xen.SECONDS) == 1
    assert guest.console.splitlines()[-1] == f"run: [Errno 2] No such file or directory: '{tmp_path}/image.xl'"
    assert "Traceback" not in guest.console


@pytest.mark.config("defconfig_hello_xen")
@pytest.mark.parametrize("line", ["sh: out of memory", "1", "1 2 3", "-1 0", ""])
def test_what_is_no_answer_of_dom0s_is_said(line):
    with contextlib.ExitStack() as stack:
        ours, theirs = (stack.enter_context(end) for end in socket.socketpair())
        dom0 = xen.machine.Dom0("")
        dom0.peer = ours
        theirs.sendall(f"{line}\n".encode())
        with pytest.raises(xen.machine.Lost, match=line):
            dom0.run("true")


@pytest.mark.config("defconfig_hello_xen")
def test_what_an_emulated_xen_lacks_is_said(builder, tmp_path):
    """QEMU, then apt; and a MEM that is no amount of memory."""
    def said(whole=False, **environment):
        done = subprocess.run([os.path.join(build.TREE, "scripts", "run-xen"),
                               os.path.join(builder.build("defconfig_hello_xen"), "image")], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False,
                              env={**build.clean_environment(), "VIRGA_CACHE": str(tmp_path / "cache"), **environment})
        assert done.returncode == 1, done
        return done.stdout if whole else done.stdout.splitlines()[-1]
    assert said(MEM="4M") == "run: MEM=4M: xl counts in MiB, as MEM=4"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to("/usr/bin/python3")
    path = str(tmp_path / "bin")
    assert said(PATH=path).startswith("run: qemu-system-x86_64 is not installed: apt-get install qemu-system-x86 ")
    assert "run: MEM=1: the image needs 2, says image.xl\n" in said(MEM="1", PATH=path, whole=True)
    (tmp_path / "bin" / "qemu-system-x86_64").symlink_to(shutil.which("qemu-system-x86_64"))
    assert said(PATH=path) == "run: apt-get is not here, and Xen comes as Debian's packages"


def own_xl(folder, create):
    """A machine that looks to the runner like a dom0: its xl records its calls, and creates guests as it is told."""
    fake = folder / "xl"
    fake.write_text('#!/bin/sh\necho "xl" "$@"\ncase $1 in create)\n' + create + "\n;;\nesac\n")
    fake.chmod(0o755)
    return {**build.clean_environment(), "PATH": f"{folder}:{os.environ['PATH']}", "MEM": "8",
            "OPTIONS": 'name="Big World" log=warn'}


@pytest.mark.config("defconfig_hello_xen")
def test_the_xen_that_is_there(builder, tmp_path):
    image = os.path.join(builder.build("defconfig_hello_xen"), "image")
    command = [os.path.join(build.TREE, "scripts", "run-xen"), image]
    done = subprocess.run(command, env=own_xl(tmp_path, "echo virga: exit status 5"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    words = r'memory=8 cmdline="\"name=Big World\" log=warn"'
    assert done.stdout == f"xl create -q -c -F {image}.xl {words}\nvirga: exit status 5\n", done
    assert done.returncode == 5
    with Guest(command, environment=own_xl(tmp_path, "exec sleep 600")) as guest:
        guest.wait_for("xl create")
        interrupt(guest)
        assert guest.console.endswith("\nxl destroy hello\n"), guest.console


def without_randomness(builder, folder, domid="echo 7", write=":"):
    """The runner's calls, as lines, and its status, on a CPU without randomness, as a Cortex-A72; domid and write are
    the commands of xl domid and xenstore-write."""
    image = os.path.join(builder.build("defconfig_hello_xen"), "image")
    environment = own_xl(folder, "")
    fakes = {"xl": f"""case $1 in domid) {domid}; exit ;; esac
                       echo xl "$@"
                       case $1 in
                       unpause) : >unpaused ;;
                       console) while [ ! -e unpaused ]; do sleep 0.1; done; echo virga: exit status 5 ;;
                       esac""", "xenstore-write": f'echo xenstore-write "$@"; {write}'}
    for name, text in fakes.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    (folder / "cpuinfo").write_text("processor : 0\nFeatures : fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid\n")
    done = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount --bind cpuinfo /proc/cpuinfo && exec "$@"', "sh",
                           os.path.join(build.TREE, "scripts", "run-xen"), image], cwd=folder, env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    lines = re.sub("[0-9a-f]{128}", "SEED", done.stdout).splitlines()
    words = r'memory=8 cmdline="\"name=Big World\" log=warn"'
    assert lines[0] == f'xl create -q -p {image}.xl {words} on_reboot="destroy"', done
    return lines[1:], done.returncode


@pytest.mark.config("defconfig_hello_xen")
def test_a_seed_where_the_cpu_has_no_randomness(builder, tmp_path):
    """The seed is in xenstore, and the console attached, before the guest runs."""
    assert without_randomness(builder, tmp_path) == (
        ["xenstore-write /local/domain/7/data/seed SEED", "xl console 7", "xl unpause 7", "virga: exit status 5"], 5)


@pytest.mark.config("defconfig_hello_xen")
def test_nothing_is_left_of_a_guest_that_gets_no_seed(builder, tmp_path):
    """The guest would wait for a seed, and another one of its name could not be started."""
    assert without_randomness(builder, tmp_path, domid="exit 3") == (["xl destroy hello"], 3)
    assert without_randomness(builder, tmp_path, write="exit 4") == (
        ["xenstore-write /local/domain/7/data/seed SEED", "xl destroy hello"], 4)


@pytest.mark.config("defconfig_www_unix")
def test_the_wrong_runner_says_so(builder):
    done = build.make(f"O={builder.build('defconfig_www_unix')}", "qemu-run", check=False)
    assert done.returncode != 0 and "unix" in done.stdout and "defconfig" in done.stdout, done.stdout


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1", "80 81"])
@pytest.mark.parametrize("runner,config", RUNNERS)
def test_a_wrong_port_says_so(builder, runner, config, port):
    done = subprocess.run([os.path.join(build.TREE, "scripts", runner), os.path.join(builder.build(config), "image")],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                          timeout=60, check=False, env={**os.environ, "HOST_PORT": port, "ACCEL": "tcg"})
    assert done.returncode == 1 and done.stdout == f"run: HOST_PORT={port} is no port, 1 to 65535\n", done.stdout


@pytest.mark.parametrize("runner,config", RUNNERS)
def test_a_wrong_port_of_the_image_says_so(builder, runner, config):
    for port in ("99999", "0", "x"):
        done = subprocess.run([os.path.join(build.TREE, "scripts", runner),
                               os.path.join(builder.build(config), "image"), f"port={port}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                              timeout=60, check=False, env={**build.clean_environment(), "ACCEL": "tcg"})
        assert done.returncode == 1 and done.stdout == f"run: port={port} is no port, 1 to 65535\n", done.stdout


@pytest.mark.config("defconfig_skeleton_qemu")
def test_the_port_of_an_application_of_ones_own(builder, namespace, tmp_path):
    """The example's, but on another port, which no configuration tells."""
    app = tmp_path / "mine"
    build.make("new-app", f"NAME={app}")
    example = open(os.path.join(build.TREE, "apps", "skeleton", "README.md"), encoding="utf-8").read()
    (app / "main.c").write_text(example.split("```c\n")[1].split("```")[0].replace(", 80,", ", 7007,"))
    words = (f"APP={app}", f"O={tmp_path / 'out'}")
    build.make(*words, "defconfig_skeleton_qemu", "all")
    with run(namespace, tmp_path / "out", words[0], "qemu-run", GUEST_PORT="7007") as guest:
        guest.wait_for(r"the image's port 7007 is at localhost:7007 ")
        guest.wait_for(r" boot_us=")
        assert "http:" not in guest.console
        said = namespace.run(["curl", "--silent", "--max-time", "60", "http://localhost:7007/"]).stdout
        assert said == "Hello from the bare machine.\n"


@pytest.mark.parametrize("runner,config", [
    pytest.param(*pair, marks=pytest.mark.config(pair[1]))
    for pair in (("run-qemu", "defconfig_hello_qemu"), ("run-unix", "defconfig_hello_unix"))])
def test_quotes_hold_a_word_together(builder, runner, config):
    command = [os.path.join(build.TREE, "scripts", runner), os.path.join(builder.build(config), "image")]

    def start(options):
        return Guest(command, environment={**build.clean_environment(), "ACCEL": "tcg", "OPTIONS": options})
    for options in ('name="Big World"', "name='Big World'", '"name=Big World"'):
        with start(options) as guest:
            guest.wait_for("Big World")
    with start('name="Big') as guest:
        guest.wait_for('OPTIONS=name="Big: no closing quotation')


@pytest.mark.parametrize("left_out,finds,misses", [("VIRTIO_MMIO", "q35", "microvm"), ("VIRTIO_PCI", "microvm", "q35")])
def test_the_machine_is_one_with_the_images_bus(builder, namespace, left_out, finds, misses):
    out = builder.build("defconfig_www_qemu", name=f"without-{left_out}", options={left_out: "n"})
    with run(namespace, out, "run") as guest:
        served_at(guest, namespace)
    with run(namespace, out, "run", MACHINE=misses) as guest:
        guest.wait_for(f"MACHINE={misses}: .*{left_out}")
        assert guest.wait_end(60) != 0
    with run(namespace, out, "run", MACHINE=finds) as guest:
        served_at(guest, namespace)


@pytest.mark.parametrize("machine", params.machines("www", "microvm", first=True))
def test_too_little_memory_says_so(builder, machine):
    """Before the start; and the advised amount is enough for the image to report its own needs."""
    config = cpus.defconfig("www", machine)
    for memory in ("1M", "1", "1024K") if machine == "microvm" else ("100K",):
        done = run_qemu(builder, MEM=memory, config=config)
        assert done.returncode == 1 and f"MEM={memory}: the image alone reaches to " in done.stdout, done.stdout
    if machine != "microvm":
        return  # QEMU itself reports that it has no room for the device tree there
    advised = re.search(r"at least (\d+M)", done.stdout).group(1)
    done = run_qemu(builder, "log=nonsense", MEM=advised, config=config)
    assert "option log=nonsense" in done.stdout, done.stdout


@pytest.mark.parametrize("machine", [params.marked(name, cpus.defconfig("www", name)) for name in cpus.others()])
def test_every_machine_can_be_chosen(builder, namespace, machine):
    way = cpus.MACHINES[machine]
    with run(namespace, builder.build(cpus.defconfig("www", machine)), "run", MACHINE=way.machine.name) as guest:
        served_at(guest, namespace)
        guest.wait_for("run: emulation .TCG.: the host's CPU is another" if way.cpu is not cpus.HOST else "run: ")
        interrupt(guest)
