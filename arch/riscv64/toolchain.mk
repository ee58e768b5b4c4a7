# SPDX-License-Identifier: ISC
# What the build must know of RISC-V: RV64GC, code that may lie anywhere.
triple := riscv64-linux-gnu
cpu-flags := -march=rv64gc -mabi=lp64d -mcmodel=medany $(if $(clang),-mno-relax)
integer-flags :=
# lld up to 14 relaxes nothing, hence -mno-relax, and takes nothing of the ABI from what clang gives it to optimise.
lld-flags := -Wl,-mllvm,-target-abi=lp64d
musl-cpu := riscv64
musl-kernel-flags :=
image-format := binary
# RISC-V's firmware is called so, too.
kernel-call := ecall
