"""What we ask of carriers over HTTP: calling somebody, hanging up, putting through. One file a carrier, behind one small interface."""
