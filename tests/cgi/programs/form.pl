#!/usr/bin/perl
# A CGI program with CGI.pm: a form's fields, an uploaded file, a cookie, a redirect.
use strict;
use warnings;
use CGI ();
use Digest::SHA ();

my $query = CGI->new;
if (my $target = $query->param("redirect")) {
    print $query->redirect(-uri => $target, -status => 303);
    exit;
}
print $query->header(-type => "text/plain", -charset => "utf-8", -cookie => $query->cookie(-name => "seen", -value => "yes"));
print "name=" . ($query->param("name") // ""), "\n";
print "cookie=" . ($query->cookie("seen") // ""), "\n";
print "self=" . $query->url(-path_info => 1), "\n";
if (my $upload = $query->upload("file")) {
    print "file=" . Digest::SHA->new(256)->addfile($upload->handle)->hexdigest, "\n";
}
