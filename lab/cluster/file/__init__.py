"""Manifests as people write them: read, judged one by one and among each other, each mistake with its line. Nothing is
made of them.
"""
