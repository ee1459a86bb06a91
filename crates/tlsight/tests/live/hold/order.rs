//! Which comes first: the first application data of a session at the tap, or its secret at the monitor.
