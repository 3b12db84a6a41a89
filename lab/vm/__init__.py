"""A lab in a small virtual machine with a kernel of its own: `up --vm`.

On this machine there are a keeper, which has the lab's name, folder and socket, and QEMU; inside there are the lab
itself and a warm process. Over one line between them whoever asks reaches who answers.
"""
