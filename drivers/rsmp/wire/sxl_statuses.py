"""The statuses of the traffic-light SXL, 1.1.0 to 1.2.1 (RSMP Nordic).

The notation is that of ``sxl``: a code, its kind of component, what else it has, its arguments.
"""

from __future__ import annotations

from typing import Final

STATUSES: Final = """\
S0001 tlc signalgroupstatus:string cyclecounter:integer=0..999 basecyclecounter:integer=0..999
    stage:integer=0..999
S0002 tlc detectorlogicstatus:string
S0003 tlc inputstatus:string extendedinputstatus:string<1.2
S0004 tlc outputstatus:string extendedoutputstatus:string<1.2
S0005 tlc status:boolean statusByIntersection:array>=1.2
S0006 tlc status:boolean emergencystage:integer=0..255
S0007 tlc intersection:integer_list=0..255 status:boolean_list source:string_list=source
S0008 tlc intersection:integer_list=0..255 status:boolean_list source:string_list=source
S0009 tlc intersection:integer_list=0..255 status:boolean_list source:string_list=source
S0010 tlc intersection:integer_list=0..255 status:boolean_list source:string_list=source
S0011 tlc intersection:integer_list=0..255 status:boolean_list source:string_list=source
S0012 tlc intersection:integer_list=0..255 status:boolean_list source:string_list=source
S0013 tlc intersection:integer_list=0..255 status:integer_list=0/1/2/3
S0014 tlc status:integer=1..255 source:string=source
S0015 tlc status:integer=1..255 source:string=source
S0016 tlc number:integer=1..65025
S0017 tlc number:integer=1..65025
S0018 tlc <1.2 number:integer=1..65025
S0019 tlc number:integer=1..65025
S0020 tlc intersection:integer_list=0..255
    controlmode:string_list=startup/control/standby/failure/test
S0021 tlc detectorlogics:string
S0022 tlc status:string
S0023 tlc status:string
S0024 tlc status:string
S0025 group minToGEstimate:timestamp maxToGEstimate:timestamp likelyToGEstimate:timestamp
    ToGConfidence:integer=0..100 minToREstimate:timestamp maxToREstimate:timestamp
    likelyToREstimate:timestamp ToRConfidence:integer=0..100
S0026 tlc status:string
S0027 tlc status:string
S0028 tlc status:string
S0029 tlc status:string
S0030 tlc status:string
S0031 tlc status:string
S0032 tlc intersection:integer_list=0..255 status:string_list=local/centralized/off
    source:string_list=source
S0033 tlc status:array
S0034 tlc status:integer=0..65535
S0035 tlc >=1.2 emergencyroutes:array
S0091 tlc user:integer=0/1/2
S0092 tlc user:integer=0/1/2
S0095 tlc status:string
S0096 tlc year:integer=0..9999 month:integer=1..12 day:integer=1..31 hour:integer=0..23
    minute:integer=0..59 second:integer=0..59
S0097 tlc checksum:string timestamp:timestamp
S0098 tlc config:base64 timestamp:timestamp version:string
S0201 detector starttime:timestamp vehicles:integer=0..65535
S0202 detector starttime:timestamp speed:integer=0..65535
S0203 detector starttime:timestamp occupancy:integer=0..100
S0204 detector starttime:timestamp P:integer=0..65535 PS:integer=0..65535 L:integer=0..65535
    LS:integer=0..65535 B:integer=0..65535 SP:integer=0..65535 MC:integer=0..65535
    C:integer=0..65535 F:integer=0..65535
S0205 tlc start:timestamp vehicles:integer_list=-1..65535
S0206 tlc start:timestamp speed:integer_list=-1..65535
S0207 tlc start:timestamp occupancy:integer_list=-1..100
S0208 tlc start:timestamp P:integer_list=-1..65535 PS:integer_list=-1..65535
    L:integer_list=-1..65535 LS:integer_list=-1..65535 B:integer_list=-1..65535
    SP:integer_list=-1..65535 MC:integer_list=-1..65535 C:integer_list=-1..65535
    F:integer_list=-1..65535
"""
