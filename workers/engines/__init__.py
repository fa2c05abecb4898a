"""Where jobs run: one module an engine, all behind one small interface."""
