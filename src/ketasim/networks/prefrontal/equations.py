"""The equations of the prefrontal microcircuit, as Brian2 text with units.

One group holds all cells, so that a step of the network costs few calls; what differs between the classes is a constant of
the cell. The dendrite (`vd`) and the slow potassium current that the running rate `busy` opens matter for pyramidal cells alone:
`pyr` is 1 there and 0 elsewhere.
"""

from __future__ import annotations

CELLS = """
dv/dt = (gl*(el - v) + ga*(ee - v) + (1 - dend)*gnf*unmg*(ee - v) + (gp + gs*(1 - pyr))*(ei - v)
         + gplateau*pyr*plateau - w - pyr*kslow*busy**2/(busy**2 + kbusy**2))/c : volt (unless refractory)
dw/dt = -w/tau_w : amp
dvd/dt = (gld*(eld - vd) + dend*gnf*unmgd*(ee - vd) + pyr*gs*(ei - vd)
          + gdend*plateau + pyr*cback*back - wd)/cd : volt
dwd/dt = (awd*(vd - eld) - wd)/tau_wd : amp
dga/dt = -ga/tau_a : siemens
dgn/dt = -gn/tau_n : siemens
dgp/dt = -gp/tau_p : siemens
dgs/dt = -gs/tau_s : siemens
ds/dt = -s/tau_n : 1
dbusy/dt = -busy/tau_busy : hertz
dx/dt = (1 - x)/tau_x : 1
gnf = gn*free + gtonic*freetonic : siemens
unmg = 1/(1 + mg*exp(-v/vmg)) : 1
unmgd = 1/(1 + mg*exp(-vd/vmg)) : 1
plateau = 1/(1 + exp((vplateau - vd)/kplateau)) : 1
back = int(t - lastspike > back_from - dt/2)*int(t - lastspike < back_to - dt/2) : 1
free : 1
freetonic : 1 (shared)
gl : siemens (constant)
c : farad (constant)
el : volt (constant)
vt : volt (constant)
vr : volt (constant)
bw : amp (constant)
tau_w : second (constant)
pyr : 1 (constant)
dend : 1 (constant)
gtonic : siemens (constant)
rp : second (constant)
some : 1 (constant)
more : 1 (constant)
most : 1 (constant)
opened : 1
released : 1
wa_ext : siemens (constant)
wn_ext : siemens (constant)
"""

# A spike of one external fibre opens AMPA and NMDA receptors of the same synapse. The events of the superposed fibres in a step
# are Poisson: some, more and most are the chances of at least one, two and three (more than three in a step are too rare to count).
# With one event at most the variance of the drive would be too small by its chance, up to 8 % at 0.1 ms.
DRIVE = """
draw = rand()
events = int(draw < some) + int(draw < more) + int(draw < most)
ga += events*wa_ext
gn += events*wn_ext
"""

# Presynaptic: the NMDA gate s saturates and the resource x depresses. Both stand for all synapses of one cell, so that a
# spike adds what the gate moved; decaying with the same constant afterwards, the postsynaptic sum equals the sum of gates.
# What a spike opened and released is kept at the spike, and read by its synapses when it arrives.
SYNAPSE = """
wa : siemens (constant)
wn : siemens (constant)
wp : siemens (constant)
ws : siemens (constant)
"""
ON_SPIKE = """
ga_post += wa*released_pre
gn_post += wn*opened_pre
gp_post += wp
gs_post += ws
"""

THRESHOLD = "v > vt"
RESET = """
v = vr
w += bw
busy += 1/tau_busy
opened = alpha*(1 - s)
s += opened
released = x
x -= use*x
"""
