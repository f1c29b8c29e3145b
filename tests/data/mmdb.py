#!/usr/bin/env python3
"""Write a MaxMind database of one IPv4 network, to test --geoip with.

    mmdb.py 203.0.113.0/24 >geo.mmdb

The format is MaxMind DB 2.0: a search tree of 24-bit records, 16 zeros, the
data, a marker and the metadata.
"""
import ipaddress
import sys


def enc(v):
    if isinstance(v, dict):
        return bytes([7 << 5 | len(v)]) + b''.join(enc(k) + enc(x) for k, x in v.items())
    if isinstance(v, list):                     # extended type 11
        return bytes([len(v), 4]) + b''.join(map(enc, v))
    if isinstance(v, str):
        b = v.encode()
        return bytes([2 << 5 | len(b)]) + b     # under 29 bytes
    size, value = v                             # ('uint16', 4)
    b = value.to_bytes(8, 'big').lstrip(b'\0')
    return {'uint16': bytes([5 << 5 | len(b)]), 'uint32': bytes([6 << 5 | len(b)]),
            'uint64': bytes([len(b), 2])}[size] + b


def main():
    net = ipaddress.ip_network(sys.argv[1])
    data = enc({'country': {'iso_code': 'CN', 'names': {'en': 'China'}},
                'subdivisions': [{'names': {'en': 'Zhejiang'}}],
                'city': {'names': {'en': 'Hangzhou'}},
                'isp': 'China Telecom'})
    n = net.prefixlen
    tree = b''
    for i in range(n):
        bit = int(net.network_address) >> (31 - i) & 1
        there = i + 1 if i + 1 < n else n + 16
        left, right = (n, there) if bit else (there, n)
        tree += left.to_bytes(3, 'big') + right.to_bytes(3, 'big')
    meta = enc({'node_count': ('uint32', n), 'record_size': ('uint16', 24),
                'ip_version': ('uint16', 4), 'database_type': 'Test', 'languages': ['en'],
                'binary_format_major_version': ('uint16', 2),
                'binary_format_minor_version': ('uint16', 0),
                'build_epoch': ('uint64', 1795392000), 'description': {'en': 'test'}})
    sys.stdout.buffer.write(tree + bytes(16) + data + b'\xab\xcd\xefMaxMind.com' + meta)


if __name__ == '__main__':
    main()
