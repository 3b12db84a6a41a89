"""What is asked, from where, and how the client fared: targets as people type them, the requests, and their answers.

Imports lab.trace.witness only.
"""
