"""The link itself: the spool folder and the tcp connection; the only place where sockets and files of the link are touched."""
