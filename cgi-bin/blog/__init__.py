"""A blog for one owner, made to run as a CGI program (or under any WSGI server).

Start reading at application.py (what a request goes through), then routes.py (which URL is
answered by which function). README.txt beside this file is for its owner.
"""
