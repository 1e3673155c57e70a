"""The program backend: from a coded network to commands of the accelerator and an image of its memory."""
