"""make-npy.py FILE DESCR SHAPE [VALUE...]: a .npy file without NumPy."""
import struct, sys

path, descr, shape = sys.argv[1], sys.argv[2], sys.argv[3]
values = sys.argv[4:]
code = {"f4": "f", "f8": "d", "i4": "i", "i8": "q", "b1": "?"}[descr[1:]]
header = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n" % (descr, shape)
with open(path, "wb") as out:
    out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    for value in values:
        out.write(struct.pack("<" + code, float(value) if code in "fd" else int(value)))
