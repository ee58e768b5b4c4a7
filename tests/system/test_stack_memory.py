# SPDX-License-Identifier: ISC
"""Data that a fiber sends from its own stack arrives, though devices cannot access stacks at their addresses."""
import os

import pytest

from rig import build, cpus, params, server

SOURCE = r"""
#include "kernel/app.h"
#include "kernel/dev/clock.h"
#include "kernel/fiber.h"
#include "net/stack.h"

enum { BYTES = 9000 }; /* over several pages */

const struct option app_options[] = { { 0 } };

struct text {
	struct storage storage;
	char bytes[BYTES];
	bool gone;
};

static void acknowledged(struct storage *s)
{
	container_of(s, struct text, storage)->gone = true;
}

static intptr_t answer(void *flow)
{
	struct text text = { .storage = { 1, acknowledged } };
	struct slice slice = { text.bytes, BYTES, &text.storage };
	struct flow_write op;

	for (unsigned i = 0; i < BYTES; i++)
		text.bytes[i] = (char)('a' + i % 23);
	flow_write(flow, &op, &slice, 1);
	fiber_await(&op.promise, DEADLINE_NEVER);
	flow_close(flow);
	storage_put(&text.storage);
	while (!text.gone)
		fiber_sleep_until(clock_now_ns() + NS_PER_MS);
	return 0;
}

static int opened(void *arg, struct flow *flow, const struct endpoint *peer)
{
	(void)arg, (void)peer;
	return fiber_start(answer, flow, NULL);
}

int app_start(const struct app *app, struct promise *done)
{
	(void)done;
	return stack_tcp_listen(app->stack, 80, opened, NULL);
}
"""


@pytest.mark.parametrize("way", params.machines("www", "microvm", "q35", first=True))
def test_a_fiber_writes_from_its_stack(builder, namespace, output, way):
    folder = os.path.join(output, "stack-memory-app")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("main.c", SOURCE), ("Makefile", "obj-y += main.o\n")):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    name = f"stack-memory-{cpus.MACHINES[way].cpu.folder}"
    out = builder.path(name)
    build.make(f"O={out}", f"APP={folder}", cpus.defconfig("www", way))
    build.make(f"O={out}", f"APP={folder}")
    builder.built[name] = out
    www = server.Server(builder, namespace, way, name=name)
    try:
        www.guest.wait_for(" up boot_us=")
        for _ in range(20):
            data, ended = www.raw(idle=30.0)
            assert data == bytes(ord("a") + i % 23 for i in range(9000)) and ended == "closed", (data[:80], ended)
    finally:
        www.stop()
