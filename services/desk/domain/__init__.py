"""Pure rules of the desk: what events mean for its tables, and what an agent may do. No I/O, no clock."""
