"""Published kinetics as data: arms that can be simulated, figures of their courses, and how far prediction lies from report."""
