"""The machine that a program runs on: devices, compiled programs, memory, signals, terminal."""
