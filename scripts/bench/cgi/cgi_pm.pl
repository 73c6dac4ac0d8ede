#!/usr/bin/perl
use strict;
use warnings;
use CGI;

print CGI->new->header('text/plain'), "Hello from a script.\n";
