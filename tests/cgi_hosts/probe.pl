#!/usr/bin/perl
# A CGI program that tells what it was given: each variable, its arguments, its content and its surroundings, one a line,
# bytes beyond printable ASCII as \xHH. RFC 3875 4.
use strict;
use warnings;

sub told {
    my ($name, $value) = @_;
    $value =~ s/([^\x20-\x5b\x5d-\x7e])/sprintf "\\x%02X", ord $1/ge;
    print "$name=$value\n";
}

print "Content-Type: text/plain\n\n";
told($_, $ENV{$_}) for sort keys %ENV;
told("arguments", scalar @ARGV);
told("argument$_", $ARGV[$_ - 1]) for 1 .. @ARGV;
told("content", content());
told("after", after());

# As much of standard input as was promised: what is beyond that is the host's (RFC 3875 4.2).
sub content {
    my ($wanted, $content) = ($ENV{CONTENT_LENGTH} // "", "");
    return "" unless $wanted =~ /^\d+$/;
    while (length $content < $wanted) {
        last unless sysread STDIN, $content, $wanted - length $content, length $content;
    }
    return $content;
}

# What comes after it: "end", "more", or "nothing" within 300 ms.
sub after {
    my $ready = "";
    vec($ready, 0, 1) = 1;
    return "nothing" unless select $ready, undef, undef, 0.3;
    return sysread(STDIN, my $byte, 1) ? "more" : "end";
}
