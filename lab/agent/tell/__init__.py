"""What a running lab tells whoever asks: its map and state, its chronicle, calicoctl's answers, the API's objects.

Most of it reads; what the commands want changed goes through `lab.agent.follow`.
"""
