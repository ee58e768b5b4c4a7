# SPDX-License-Identifier: ISC
"""Chromium without a window, in a test's namespace, with a test at its keyboard.

It is driven by its DevTools protocol over two pipes: messages are JSON, each ended by a zero byte.
"""
import base64
import json
import os
import select
import subprocess
import time

SECONDS = 120  # generous: a busy machine, and the page may come from an emulated one

# key: (code, virtual key code), as from a keyboard
KEYS = {
    "ArrowLeft": ("ArrowLeft", 37), "ArrowUp": ("ArrowUp", 38), "ArrowRight": ("ArrowRight", 39),
    "ArrowDown": ("ArrowDown", 40), "PageUp": ("PageUp", 33), "PageDown": ("PageDown", 34), "End": ("End", 35),
    "Home": ("Home", 36), " ": ("Space", 32), "Tab": ("Tab", 9),
}


class Browser:
    """One page. requests: {URL: status} of all its requests; 0 for failed ones."""

    def __init__(self, namespace, chromium, folder, width=1280, height=800):
        # The pipes are standard input and output first, because nsenter and the shell pass those on as they are.
        self.process = namespace.popen(
            ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh", chromium, "--headless", "--no-sandbox",
             "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             f"--user-data-dir={folder}", "--no-first-run", "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.received, self.last_id, self.session = b"", 0, None
        self.requests, self.pending, self.loaded = {}, {}, False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        # Pictures are taken of final states, so animations are switched off rather than waited for.
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])

    def call(self, method, **parameters):
        """Sends a command, and gives its result."""
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.process.stdin.write(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + SECONDS
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self.last_id:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._note(answer)

    def _next(self, deadline):
        while b"\0" not in self.received:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            assert data, "the browser has ended" if ready else f"the browser says nothing for {SECONDS} s"
            self.received += data
        message, _, self.received = self.received.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.pending[parameters["requestId"]] = parameters["request"]["url"]
        elif method == "Network.responseReceived":
            self.requests[parameters["response"]["url"]] = parameters["response"]["status"]
        elif method == "Network.loadingFailed" and not parameters.get("canceled"):
            self.requests[self.pending.get(parameters["requestId"], "?")] = 0
        elif method == "Page.loadEventFired":
            self.loaded = True

    def open(self, url):
        """Opens a page, and waits until it is loaded with all that it refers to."""
        self.loaded = False
        failed = self.call("Page.navigate", url=url).get("errorText")
        assert not failed, f"{url}: {failed}"
        deadline = time.monotonic() + SECONDS
        while not self.loaded:
            self._note(self._next(deadline))

    def press(self, key, shift=False):
        code, number = KEYS[key]
        same = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="rawKeyDown", **same)
        if key == " ":
            self.call("Input.dispatchKeyEvent", type="char", text=" ", **same)
        self.call("Input.dispatchKeyEvent", type="keyUp", **same)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def value(self, expression):
        """The value of a JavaScript expression, as JSON has it."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, f"{expression}: {result['exceptionDetails']}"
        return result["result"].get("value")

    def wait_for(self, expression):
        """Waits until the expression is true."""
        deadline = time.monotonic() + SECONDS
        while not self.value(expression):
            assert time.monotonic() < deadline, f"not within {SECONDS} s: {expression}"
            time.sleep(0.1)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def pdf(self):
        """The page as printed, in bytes."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])

    def close(self):
        self.session = None
        self.call("Browser.close")
        self.process.wait(timeout=SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, kind, *ignored):
        if kind:
            self.process.kill()
            self.process.wait()
        else:
            self.close()
