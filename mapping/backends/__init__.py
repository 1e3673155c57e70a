"""From operations to what a design runs: passes of a block of streams, or a program."""
