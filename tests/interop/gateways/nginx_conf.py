"""What is around the copied files: the nginx.conf of a machine, with everything it writes below one folder."""

text = """
daemon off;
master_process off;
pid {scratch}/pid;
error_log stderr info;
{modules}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {scratch}/body;
    proxy_temp_path {scratch}/proxy;
    fastcgi_temp_path {scratch}/fastcgi;
    uwsgi_temp_path {scratch}/uwsgi;
    scgi_temp_path {scratch}/scgi;
    include {scratch}/site.conf;
}}
"""


def nginx_conf(scratch, modules=()):
    """Writes it; returns its path. One process and in the foreground, so that nothing outlives the test."""
    path = scratch / "nginx.conf"
    loads = "\n".join(f"load_module {module};" for module in modules)
    path.write_text(text.format(scratch=scratch, modules=loads), encoding="utf-8")
    return path
