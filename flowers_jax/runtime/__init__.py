"""What depends on the machine: devices, compiled programs, memory, signals, terminal."""
