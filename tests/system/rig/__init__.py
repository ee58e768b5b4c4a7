# SPDX-License-Identifier: ISC
"""The common base of system tests and benches: builds, namespaces, guests, clients, the relay."""
