"""Coverage-guided fuzzing: ``make fuzz``. A target takes any bytes, and raises if they do harm.

Every target also runs as an ordinary test, over its seeds and over whatever hypothesis makes up
(``test_targets.py``); an input that once did harm is kept among the seeds.
"""
