# SPDX-License-Identifier: ISC
# The build for RISC-V: RV64GC, code for any address.
triple := riscv64-linux-gnu
cpu-flags := -march=rv64gc -mabi=lp64d -mcmodel=medany $(if $(clang),-mno-relax)
integer-flags :=
# lld up to 14 does not relax, hence -mno-relax, and does not take the ABI from clang's bitcode.
lld-flags := -Wl,-mllvm,-target-abi=lp64d
# For them objcopy adds a program header, which lld's file has no room for: it would move what follows.
strip-flags := --remove-section=.riscv.attributes
musl-cpu := riscv64
musl-kernel-flags :=
image-format := binary
# Calls of RISC-V's firmware use it, too.
kernel-call := ecall
