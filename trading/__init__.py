"""What the portal exists for: the wire, the simulator, the one order path, order files and the live desk."""
