"""What the drives have in common: exact discretisation, reference signals, inverter, noise, GEM.

Amplitudes are those of phase quantities (the Clarke transform keeps amplitudes), angles and speeds
are electrical unless they are called mechanical, and voltages are measured against the star point.
"""
