"""Looks for what is wrong with a running lab: asks what should work, traces what does not, compares the kernel with the
file, and tells findings. Only tasks import this.
"""
