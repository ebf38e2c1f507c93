"""``peers.asyncio`` by itself: tests whose bodies run under asyncio, in each of its loops.

What trio and asyncio have in common is tested beside this folder, with the fixture ``way``.
"""
