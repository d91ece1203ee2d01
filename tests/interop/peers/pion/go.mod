module pionpeer
