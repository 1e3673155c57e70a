"""Blocks of streams: `definition(params)` finds the hardware by the mirrored path (golden.blocks)."""

from importlib import import_module

from amaranth.lib import data

from golden import blocks, streams
from hw.emit import Definition


def definition(params: object) -> Definition:
    """The block of `params`, the top module of its Verilog."""
    return import_module(f"hw.{blocks.path_of(params).replace('/', '.')}").definition(params)


def word_layout(fields: streams.Fields) -> data.StructLayout:
    """The payload of a stream whose words have these fields, each as wide as all its lanes."""
    return data.StructLayout({name: width * lanes for name, width, lanes in fields})
