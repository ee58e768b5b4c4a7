# SPDX-License-Identifier: ISC
"""What system tests and benches stand on: builds, namespaces, guests, clients, the relay."""
